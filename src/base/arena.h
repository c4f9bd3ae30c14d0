#pragma once

#include <charconv>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <string_view>
#include <utility>

#include "base/block_pool.h"

namespace portcullis {

// A bump allocator. Its memory lives until reset() or the arena's destruction. Destructors of the placed
// objects do not run, so an arena holds only trivially destructible objects. One thread.
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() { reset(); }

  char* allocate(size_t size, size_t alignment = alignof(std::max_align_t)) {
    const size_t padding = -reinterpret_cast<uintptr_t>(cursor_) & (alignment - 1);
    if (padding + size > static_cast<size_t>(end_ - cursor_) || !block_)
      return allocate_slow(size, alignment);
    char* memory = cursor_ + padding;
    cursor_ = memory + size;
    return memory;
  }

  template <typename T, typename... Args>
  T* make(Args&&... args) {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (allocate(sizeof(T), alignof(T))) T{std::forward<Args>(args)...};
  }

  template <typename T>
  std::span<T> make_array(size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    return {new (allocate(sizeof(T) * count, alignof(T))) T[count]{}, count};
  }

  // Copies `text`; the copy lives as long as the arena's content.
  std::string_view copy(std::string_view text) {
    char* memory = allocate(text.size(), 1);
    if (!text.empty()) std::memcpy(memory, text.data(), text.size());
    return {memory, text.size()};
  }

  // Writes `number` in decimal.
  std::string_view decimal(uint64_t number) {
    char* text = allocate(20, 1);
    const auto [end, error] = std::to_chars(text, text + 20, number);
    return {text, static_cast<size_t>(end - text)};
  }

  // Joins the pieces into one string.
  template <typename... Pieces>
  std::string_view concat(const Pieces&... pieces) {
    const size_t size = (std::string_view(pieces).size() + ... + 0);
    char* memory = allocate(size, 1);
    char* out = memory;
    ((out = append(out, std::string_view(pieces))), ...);
    return {memory, size};
  }

  // Frees all allocations and returns their memory to the thread's pool.
  void reset();

 private:
  static char* append(char* out, std::string_view piece) {
    if (!piece.empty()) std::memcpy(out, piece.data(), piece.size());
    return out + piece.size();
  }
  char* allocate_slow(size_t size, size_t alignment);

  char* cursor_ = nullptr;
  char* end_ = nullptr;
  Block block_;  // the block being filled; its first bytes hold the previous Block
  Block* previous_ = nullptr;
};

}  // namespace portcullis
