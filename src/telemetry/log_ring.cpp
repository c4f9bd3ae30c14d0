#include "telemetry/log_ring.h"

#include <algorithm>
#include <cstring>

namespace portcullis::telemetry {

bool LogRing::put(std::string_view line) {
  const auto size = static_cast<uint32_t>(line.size());
  const uint64_t at = head_.load(std::memory_order_relaxed);
  const uint64_t used = at - tail_.load(std::memory_order_acquire);
  if (used + sizeof size + size > mask_ + 1) return false;
  copy_in(at, reinterpret_cast<const char*>(&size), sizeof size);
  copy_in(at + sizeof size, line.data(), size);
  head_.store(at + sizeof size + size, std::memory_order_release);
  return true;
}

void LogRing::copy_in(uint64_t at, const char* data, size_t size) {
  const size_t begin = at & mask_;
  const size_t first = std::min(size, mask_ + 1 - begin);
  std::memcpy(bytes_.get() + begin, data, first);
  std::memcpy(bytes_.get(), data + first, size - first);
}

void LogRing::copy_out(uint64_t at, char* data, size_t size) const {
  const size_t begin = at & mask_;
  const size_t first = std::min(size, mask_ + 1 - begin);
  std::memcpy(data, bytes_.get() + begin, first);
  std::memcpy(data + first, bytes_.get(), size - first);
}

}  // namespace portcullis::telemetry
