#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace portcullis {

// A reusable memory block from the calling thread's pool; its destruction returns it there. Blocks come in a
// few sizes, so steady traffic does not call malloc(). A block must be destroyed on the thread that took it.
class Block {
 public:
  static constexpr size_t kSmall = 4 * 1024;     // arenas
  static constexpr size_t kMedium = 16 * 1024;   // message heads
  static constexpr size_t kLarge = 64 * 1024;    // long heads
  static constexpr size_t kBody = 128 * 1024;    // responses on their way to clients
  static constexpr size_t kHuge = 256 * 1024;    // bodies on their way to targets
  static constexpr size_t kGiant = 1024 * 1024;  // large bodies from clients that upload fast

  Block() = default;
  Block(Block&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), capacity_(std::exchange(other.capacity_, 0)) {}
  Block& operator=(Block&& other) noexcept {
    if (this != &other) {
      release();
      data_ = std::exchange(other.data_, nullptr);
      capacity_ = std::exchange(other.capacity_, 0);
    }
    return *this;
  }
  ~Block() { release(); }

  // A block of at least `size` bytes. Sizes above kGiant come from the heap and return to it.
  static Block take(size_t size);
  // A block of kGiant while this thread uses few of that size, which bounds their memory; otherwise one of
  // kHuge.
  static Block take_giant();

  char* data() const { return data_; }
  size_t capacity() const { return capacity_; }
  explicit operator bool() const { return data_ != nullptr; }
  void release() {
    if (data_ != nullptr) give_back();
  }

 private:
  void give_back();

  Block(char* data, size_t capacity) : data_(data), capacity_(capacity) {}
  char* data_ = nullptr;
  size_t capacity_ = 0;
};

}  // namespace portcullis
