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
// after them; outlives every snapshot. All methods are called on the control thread; the contract of each
// engine says on which threads its own methods may be called.
class Services {
 public:
  // Engines register their metrics in `metrics`, which must not be read after this object has been destroyed.
  // Engines report faults to `say`, or to the process log when `say` is null.
  Services(size_t workers, EventLoop& control, telemetry::MetricSet& metrics, Say say = nullptr)
      : workers_(workers), control_(control), metrics_(metrics), say_(std::move(say)) {}
  Services(const Services&) = delete;
  Services& operator=(const Services&) = delete;
  ~Services() {
    while (!engines_.empty()) engines_.pop_back();
  }

  // The engine of type E. The first call starts the engine, with default-constructed E::Settings. Throws what
  // the engine's constructor throws.
  template <typename E>
  E& get() {
    if (E* running = find<E>()) return *running;
    if constexpr (requires { typename E::Settings; }) {
      return start<E>(typename E::Settings{});
    } else {
      return start<E>();
    }
  }
  // The first call starts the engine with `settings`; a later call passes `settings` to the engine's
  // reload(), if there is one.
  template <typename E>
  E& get(typename E::Settings settings) {
    E* running = find<E>();
    if (running == nullptr) return start<E>(std::move(settings));
    if constexpr (requires { running->reload(std::move(settings)); }) running->reload(std::move(settings));
    return *running;
  }

  // Calls settle() of each engine, before newly built policies serve.
  void settle() {
    for (const auto& [type, engine] : engines_) engine->settle();
  }
  // Stops each engine. Called after the threads of the workers have ended, while the workers still exist.
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
  // The engines in the order in which they were started.
  std::vector<std::pair<std::type_index, std::unique_ptr<Engine>>> engines_;
};

}  // namespace portcullis::policy
