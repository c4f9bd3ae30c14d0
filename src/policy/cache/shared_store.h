#pragma once

#include <memory>

#include "cache/store.h"
#include "policy/cache/engine.h"
#include "policy/cache/metrics.h"
#include "policy/engine.h"

namespace portcullis::policy::cache {

// The stored responses of the caches of all routes. Outlives every snapshot.
class SharedStore final : public Engine {
 public:
  struct Settings {
    uint64_t bytes = 64 << 20;
    std::unique_ptr<engine::Disk> disk{};  // null when responses are stored only in memory
  };
  // For Kind::with_engine(). Opens the directory of the disk cache, if there is one.
  static Status start(const config::Config& config, Services& services);
  SharedStore(const EngineContext& context, Settings settings)
      : store_(settings.bytes, std::move(settings.disk)) {
    register_store(context.metrics, store_);
  }

  // May be called on any thread.
  engine::Store& store() { return store_; }
  void stop() override { store_.stop(); }

 private:
  engine::Store store_;
};

}  // namespace portcullis::policy::cache
