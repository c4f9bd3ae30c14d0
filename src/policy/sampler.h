#pragma once

#include <memory>

#include "base/random.h"
#include "crypto/digest.h"
#include "policy/per_worker.h"
#include "policy/policy.h"

namespace portcullis::policy {

// Picks a share of the requests at random. A request that is only explained is picked only when the share is
// 100 percent.
class Sampler {
 public:
  explicit Sampler(size_t workers) : random_(workers) {}

  bool picks(const Context& context, uint64_t percent) const {
    if (context.explains()) return percent >= 100;
    Random& random =
        random_.get(context.worker, [] { return std::make_unique<Random>(crypto::random_seed()); });
    return random.below(100) < percent;
  }

 private:
  PerWorker<Random> random_;
};

}  // namespace portcullis::policy
