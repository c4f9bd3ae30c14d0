#pragma once

#include <memory>

#include "base/random.h"
#include "crypto/digest.h"
#include "policy/per_worker.h"

namespace portcullis::policy {

// Picks a share of the requests, by chance.
class Sampler {
 public:
  explicit Sampler(size_t workers) : random_(workers) {}

  bool picks(size_t worker, uint64_t percent) const {
    Random& random = random_.get(worker, [] { return std::make_unique<Random>(crypto::random_seed()); });
    return random.below(100) < percent;
  }

 private:
  PerWorker<Random> random_;
};

}  // namespace portcullis::policy
