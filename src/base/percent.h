#pragma once

#include <cstdint>

namespace portcullis {

// The share that a whole percentage stands for: 20 is 0.2.
constexpr double share_of(uint64_t percent) {
  return static_cast<double>(percent) / 100;
}

// A share with a finer resolution, such as 0.1%.
struct FineShare {
  uint32_t of_10_000 = 0;

  bool operator==(const FineShare&) const = default;
};

}  // namespace portcullis
