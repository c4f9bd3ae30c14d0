#pragma once

#include <cstddef>
#include <memory>
#include <typeindex>
#include <typeinfo>
#include <utility>
#include <vector>

#include "policy/engine.h"

namespace portcullis::policy {

// The engines of all policies, by their types. Made by the control thread before the workers, and destroyed
// after them; outlives every snapshot. All methods are for the control thread; what may be called on the
// engine itself, and where, is in the contract of the engine.
class Services {
 public:
  // Engines register what they take in `metrics`, which nobody looks at once this is destroyed. They report
  // faults to `say`, or without it to the process log.
  Services(size_t workers, EventLoop& control, telemetry::MetricSet& metrics, Say say = nullptr)
      : workers_(workers), control_(control), metrics_(metrics), say_(std::move(say)) {}
  Services(const Services&) = delete;
  Services& operator=(const Services&) = delete;
  ~Services() {
    while (!engines_.empty()) engines_.pop_back();
  }

  // The engine of that type. The first call starts it, with the settings that a default-constructed
  // E::Settings has. Throws as the engine's constructor.
  template <typename E>
  E& get() {
    if (E* running = find<E>()) return *running;
    if constexpr (requires { typename E::Settings; }) {
      return start<E>(typename E::Settings{});
    } else {
      return start<E>();
    }
  }
  // The first call starts the engine with `settings`; a later one gives them to its reload(), if it has one.
  template <typename E>
  E& get(typename E::Settings settings) {
    E* running = find<E>();
    if (running == nullptr) return start<E>(std::move(settings));
    if constexpr (requires { running->reload(std::move(settings)); }) running->reload(std::move(settings));
    return *running;
  }

  // Lets each engine settle what the policies just built need before they serve.
  void settle() {
    for (const auto& [type, engine] : engines_) engine->settle();
  }
  // Stops each engine; while the workers, whose threads have ended, still exist.
  void stop() {
    for (const auto& [type, engine] : engines_) engine->stop();
  }

  size_t workers() const { return workers_; }

 private:
  template <typename E>
  E* find() const {
    for (const auto& [type, engine] : engines_) {
      if (type == typeid(E)) return static_cast<E*>(engine.get());
    }
    return nullptr;
  }
  template <typename E, typename... Settings>
  E& start(Settings&&... settings) {
    const EngineContext context{workers_, control_, metrics_, *this, say_};
    auto made = std::make_unique<E>(context, std::forward<Settings>(settings)...);
    E& out = *made;
    engines_.emplace_back(typeid(E), std::move(made));
    return out;
  }

  const size_t workers_;
  EventLoop& control_;
  telemetry::MetricSet& metrics_;
  const Say say_;
  std::vector<std::pair<std::type_index, std::unique_ptr<Engine>>> engines_;  // in the order of their start
};

}  // namespace portcullis::policy
