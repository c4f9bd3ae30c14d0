#pragma once

#include <cstddef>
#include <functional>

#include "base/faults.h"
#include "base/result.h"
#include "base/say.h"
#include "runtime/event_loop.h"
#include "telemetry/metric_set.h"

namespace portcullis::config {
struct Config;
}  // namespace portcullis::config

namespace portcullis::policy {

class Services;

// Starts an engine with the settings that the configuration has for it, when the process starts to serve. The
// error says why the process cannot serve. Several kinds of policies may start the same engine.
using EngineStart = std::function<Status(const config::Config&, Services&)>;

// The input with which an engine is started.
struct EngineContext {
  size_t workers;
  EventLoop& control;             // the loop of the control thread
  telemetry::MetricSet& metrics;  // where the engine registers its metrics
  Services& services;             // gives the other engines that this engine needs
  const Say& say;                 // null in a process that serves, which reports to the process log

  // The function to which the engine reports faults of this kind.
  Say say_as(Fault fault) const { return say ? say : told_as(fault); }
};

// State that policies share and that outlives a reload: counters, connections, threads. The engine of one
// policy is in the folder of that policy; an engine of several policies is in src/policy.
//
// Start: the first Services::get<E>() makes the engine, on the control thread, by E(const EngineContext&,
// E::Settings), or by E(const EngineContext&) when it has no settings. An engine that starts threads throws
// as start_thread() does. An engine whose settings are not those of a policy, or which must start with the
// process, is started by an EngineStart (Kind::with_engine()); a resource that may fail to open, such as a
// file, is opened by that function and is a part of the settings. A process that serves no client calls no
// such function: there the engine starts with default-constructed settings.
//
// Reload: the engine stays. Policies of the new configuration ask for it again, while policies of the old one
// still use it on the workers' threads, so what it has given out must stay valid. An engine that follows its
// settings has `void reload(Settings)`, which get<E>(settings) calls; without that function the settings of
// the start stay, and a change needs a restart. When all policies are built, settle() runs before they serve.
// An engine that no policy asks for any more idles until the process ends.
//
// Stop: stop() runs once, when the threads of the workers have ended and the workers still exist; then the
// destructor. Engines are stopped in the order in which they were started, and destroyed in reverse order.
class Engine {
 public:
  Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  virtual ~Engine() = default;

  // Waits for a short time for data that newly built policies need before they serve. Called on the control
  // thread.
  virtual void settle() {}
  // Ends the engine's threads and releases what refers to the workers or to their loops. Called on the
  // control thread.
  virtual void stop() {}
};

}  // namespace portcullis::policy
