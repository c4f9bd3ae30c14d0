#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <vector>

namespace portcullis::config {

// Memory for the nodes of one document: taken in large pieces, and given back as a whole with the last node.
// Nodes that are allocated one by one lie between objects that live longer, and leave holes there.
class NodeMemory {
 public:
  void* take(size_t size) {
    size = (size + kAlign - 1) / kAlign * kAlign;
    if (size > left_) {
      left_ = std::max(size, kFirstPiece << std::min(pieces_.size(), kMaxDoublings));
      pieces_.push_back(std::make_unique_for_overwrite<std::byte[]>(left_));
      next_ = pieces_.back().get();
    }
    void* const out = next_;
    next_ += size;
    left_ -= size;
    return out;
  }

 private:
  static constexpr size_t kAlign = alignof(std::max_align_t);
  static constexpr size_t kFirstPiece = 2 * 1024;
  static constexpr size_t kMaxDoublings = 5;  // up to 64 KiB

  std::vector<std::unique_ptr<std::byte[]>> pieces_;
  std::byte* next_ = nullptr;
  size_t left_ = 0;
};

// For std::allocate_shared().
template <typename T>
class NodeAllocator {
 public:
  using value_type = T;

  explicit NodeAllocator(std::shared_ptr<NodeMemory> memory) : memory_(std::move(memory)) {}
  template <typename U>
  NodeAllocator(const NodeAllocator<U>& other) : memory_(other.memory()) {}
  T* allocate(size_t count) { return static_cast<T*>(memory_->take(count * sizeof(T))); }
  void deallocate(T*, size_t) {}
  bool operator==(const NodeAllocator& other) const { return memory_ == other.memory_; }
  const std::shared_ptr<NodeMemory>& memory() const { return memory_; }

 private:
  std::shared_ptr<NodeMemory> memory_;
};

}  // namespace portcullis::config
