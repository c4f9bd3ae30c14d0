#include "runtime/frame_pool.h"

#include <array>
#include <cstdlib>
#include <new>
#include <utility>
#include <vector>

#include "base/sanitizers.h"

namespace portcullis {
namespace {

constexpr size_t kGranule = 16;
constexpr size_t kClasses = 1025;  // frames of up to 16 KiB are pooled
// Frames of up to this size are cut from slabs: malloc() would add 16 bytes to each, and an idle connection
// has such frames.
constexpr size_t kMaxCut = 1024;
constexpr size_t kSlab = 64 * 1024;

struct FreeFrame {
  FreeFrame* next;
};

class ThreadFrames {
 public:
  ~ThreadFrames() {
    for (size_t index = kMaxCut / kGranule + 1; index < kClasses; ++index) {
      while (FreeFrame* frame = free_[index]) {
        free_[index] = frame->next;
        std::free(frame);
      }
    }
    if (cut_in_use_ > 0) return;  // an object outlives its thread, and so do the slabs
    for (void* slab : slabs_) std::free(slab);
  }

  void* take(size_t index) {
    if (is_cut(index)) ++cut_in_use_;
    if (FreeFrame* frame = free_[index]) {
      free_[index] = frame->next;
      return frame;
    }
    return is_cut(index) ? cut(index * kGranule) : std::malloc(index * kGranule);
  }
  void give_back(void* memory, size_t index) {
    if (is_cut(index)) --cut_in_use_;
    auto* frame = static_cast<FreeFrame*>(memory);
    frame->next = free_[index];
    free_[index] = frame;
  }

 private:
  static bool is_cut(size_t index) { return index * kGranule <= kMaxCut; }

  void* cut(size_t size) {
    if (left_ < size) {
      slabs_.reserve(slabs_.size() + 1);
      void* slab = std::malloc(kSlab);
      if (slab == nullptr) return nullptr;
      slabs_.push_back(slab);
      place_ = static_cast<char*>(slab);
      left_ = kSlab;
    }
    left_ -= size;
    return std::exchange(place_, place_ + size);
  }

  std::array<FreeFrame*, kClasses> free_{};
  std::vector<void*> slabs_;
  char* place_ = nullptr;  // of the rest of the last slab
  size_t left_ = 0;
  size_t cut_in_use_ = 0;
};

thread_local ThreadFrames frames;

}  // namespace

void* take_frame(size_t size) {
  const size_t index = (size + kGranule - 1) / kGranule;
  const bool pooled = index < kClasses && !kSanitized;
  void* memory = pooled ? frames.take(index) : std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void give_back_frame(void* memory, size_t size) noexcept {
  const size_t index = (size + kGranule - 1) / kGranule;
  if (index < kClasses && !kSanitized) return frames.give_back(memory, index);
  std::free(memory);
}

}  // namespace portcullis
