#include "compression/memory_part.h"

#include <atomic>
#include <utility>

namespace portcullis::compression {
namespace {

std::atomic<uint64_t> held{0};

}  // namespace

std::optional<MemoryPart> MemoryPart::take(uint64_t bytes, uint64_t max) {
  if (bytes == 0) return MemoryPart(0);
  uint64_t now = held.load(std::memory_order_relaxed);
  do {
    if (now > max || bytes > max - now) return std::nullopt;
  } while (!held.compare_exchange_weak(now, now + bytes, std::memory_order_relaxed));
  return MemoryPart(bytes);
}

MemoryPart::MemoryPart(MemoryPart&& other) noexcept : bytes_(std::exchange(other.bytes_, 0)) {}

MemoryPart& MemoryPart::operator=(MemoryPart&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

MemoryPart::~MemoryPart() {
  if (bytes_ > 0) held.fetch_sub(bytes_, std::memory_order_relaxed);
}

}  // namespace portcullis::compression
