#include "runtime/frame_pool.h"

#include <cstdlib>
#include <new>
#include <utility>
#include <vector>

namespace portcullis::internal {

constinit thread_local FreeFrame* free_frames[kFrameClasses] = {};

namespace {

// Frames of up to this size are cut from slabs: malloc() would add 16 bytes to each, and an idle connection
// has such frames.
constexpr size_t kMaxCut = 1024;
constexpr size_t kSlab = 64 * 1024;

// Where the frames of a thread come from. Gives their memory back when the thread ends.
class FrameSource {
 public:
  ~FrameSource() {
    size_t free_cuts = 0;
    for (size_t granules = 0; granules < kFrameClasses; ++granules) {
      while (FreeFrame* frame = free_frames[granules]) {
        free_frames[granules] = frame->next;
        is_cut(granules) ? (void)++free_cuts : std::free(frame);
      }
    }
    if (free_cuts < cuts_) return;  // an object outlives its thread, and so do the slabs
    for (void* slab : slabs_) std::free(slab);
  }

  void* make(size_t granules) {
    return is_cut(granules) ? cut(granules * kFrameGranule) : std::malloc(granules * kFrameGranule);
  }

 private:
  static bool is_cut(size_t granules) { return granules * kFrameGranule <= kMaxCut; }

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
    ++cuts_;
    return std::exchange(place_, place_ + size);
  }

  std::vector<void*> slabs_;
  char* place_ = nullptr;  // of the rest of the last slab
  size_t left_ = 0;
  size_t cuts_ = 0;
};

thread_local FrameSource source;

void* unless_null(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* make_frame(size_t granules) {
  return unless_null(source.make(granules));
}

void* make_single_frame(size_t size) {
  return unless_null(std::malloc(size));
}

void delete_single_frame(void* frame) noexcept {
  std::free(frame);
}

}  // namespace portcullis::internal
