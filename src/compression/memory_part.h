#pragma once

#include <cstdint>
#include <optional>

namespace portcullis::compression {

// A share of the memory for compressors, counted for the whole process, because slow clients hold compressors
// across reloads. Destroying it returns the share. Any thread.
class MemoryPart {
 public:
  // Takes `bytes`. Empty when the total would exceed `max`.
  static std::optional<MemoryPart> take(uint64_t bytes, uint64_t max);

  MemoryPart(MemoryPart&& other) noexcept;
  MemoryPart& operator=(MemoryPart&& other) noexcept;
  ~MemoryPart();

 private:
  explicit MemoryPart(uint64_t bytes) : bytes_(bytes) {}

  uint64_t bytes_;
};

}  // namespace portcullis::compression
