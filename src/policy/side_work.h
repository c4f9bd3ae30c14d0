#pragma once

#include "policy/engine.h"
#include "runtime/side_pool.h"

namespace portcullis::policy {

// Threads for work that takes longer than an event loop may be blocked, and whose duration clients cannot
// prolong (ConversionPool is for other work).
class SideWork final : public Engine {
 public:
  explicit SideWork(const EngineContext&) {}

  SidePool& pool() { return pool_; }
  void stop() override { pool_.stop(); }

 private:
  static constexpr size_t kThreads = 2;
  static constexpr size_t kMaxWaiting = 1024;
  SidePool pool_{kThreads, kMaxWaiting};
};

}  // namespace portcullis::policy
