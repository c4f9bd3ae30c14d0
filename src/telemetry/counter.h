#pragma once

#include <atomic>
#include <cstdint>

namespace portcullis::telemetry {

// A number that one thread increments and any thread reads, without read-modify-write instructions.
class Counter {
 public:
  void add(uint64_t amount = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

}  // namespace portcullis::telemetry
