#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace portcullis::telemetry {

// A ring buffer of log lines from one producer thread to one consumer thread. Neither thread ever waits: a
// line that does not fit is refused, and the producer counts it.
class LogRing {
 public:
  // `capacity` must be a power of two.
  explicit LogRing(size_t capacity) : bytes_(std::make_unique<char[]>(capacity)), mask_(capacity - 1) {}

  // Producer: adds a line. False when it does not fit; the ring is then unchanged.
  bool put(std::string_view line);

  // Consumer: calls visit(std::string_view) for each line, which is valid until visit returns. Returns the
  // number of lines.
  template <typename Visit>
  size_t take_all(Visit visit) {
    const uint64_t end = head_.load(std::memory_order_acquire);
    uint64_t at = tail_.load(std::memory_order_relaxed);
    size_t lines = 0;
    for (; at != end; ++lines) {
      uint32_t size = 0;
      copy_out(at, reinterpret_cast<char*>(&size), sizeof size);
      if (line_capacity_ < size) {
        line_ = std::make_unique<char[]>(size);
        line_capacity_ = size;
      }
      copy_out(at + sizeof size, line_.get(), size);
      at += sizeof size + size;
      tail_.store(at, std::memory_order_release);
      visit(std::string_view(line_.get(), size));
    }
    return lines;
  }

 private:
  void copy_in(uint64_t at, const char* data, size_t size);
  void copy_out(uint64_t at, char* data, size_t size) const;

  std::unique_ptr<char[]> bytes_;
  size_t mask_;
  alignas(64) std::atomic<uint64_t> head_{0};  // written by the producer
  alignas(64) std::atomic<uint64_t> tail_{0};  // written by the consumer
  std::unique_ptr<char[]> line_;
  size_t line_capacity_ = 0;
};

}  // namespace portcullis::telemetry
