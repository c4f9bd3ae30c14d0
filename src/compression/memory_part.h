#pragma once

#include <cstdint>
#include <optional>

namespace portcullis::compression {

// A part of the memory that compressors hold, counted for the whole process: slow clients keep theirs across
// reloads. Given back when it is destroyed. Any thread.
class MemoryPart {
 public:
  // Nothing when `bytes` more than what is held now would be more than `max`.
  static std::optional<MemoryPart> take(uint64_t bytes, uint64_t max);

  MemoryPart(MemoryPart&& other) noexcept;
  MemoryPart& operator=(MemoryPart&& other) noexcept;
  ~MemoryPart();

 private:
  explicit MemoryPart(uint64_t bytes) : bytes_(bytes) {}

  uint64_t bytes_;
};

}  // namespace portcullis::compression
