#pragma once

#include <cstdint>

#include "base/hash.h"

namespace portcullis {

// A pseudorandom number generator. Not for secrets. A plain value.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    state_ += 0x9E3779B97F4A7C15ull;
    return hash_mix(state_, 0xD6E8FEB86659FD93ull);
  }
  // A number from 0 to `bound` - 1; `bound` must not be 0.
  uint64_t below(uint64_t bound) {
    return static_cast<uint64_t>((static_cast<uint128>(next()) * bound) >> 64);
  }

 private:
  uint64_t state_;
};

}  // namespace portcullis
