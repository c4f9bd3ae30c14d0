#pragma once

#include "policy/engine.h"
#include "runtime/side_pool.h"

namespace portcullis::policy::grpc_transcoding {

// Threads for converting bodies. Clients decide how long a conversion takes, so conversions must not delay
// the jobs of SideWork.
class ConversionPool final : public Engine {
 public:
  explicit ConversionPool(const EngineContext& context) : pool_((context.workers + 1) / 2, kMaxWaiting) {}

  SidePool& pool() { return pool_; }
  void stop() override { pool_.stop(); }

 private:
  static constexpr size_t kMaxWaiting = 64;
  SidePool pool_;
};

}  // namespace portcullis::policy::grpc_transcoding
