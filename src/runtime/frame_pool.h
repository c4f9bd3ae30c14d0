#pragma once

#include <cstddef>

#include "base/sanitizers.h"

namespace portcullis {

namespace internal {

constexpr size_t kFrameGranule = 16;
constexpr size_t kFrameClasses = 1025;  // frames of up to 16 KiB are pooled

struct FreeFrame {
  FreeFrame* next;
};

// The free frames of this thread by their size in granules.
extern constinit thread_local FreeFrame* free_frames[kFrameClasses];

// A new frame of so many bytes, which is not pooled. Throws std::bad_alloc.
void* make_single_frame(size_t size);
void delete_single_frame(void* frame) noexcept;
// A new frame for the free lists. Throws std::bad_alloc.
void* make_frame(size_t granules);

inline bool is_pooled(size_t granules) {
  return granules < kFrameClasses && !kSanitized;
}

}  // namespace internal

// Takes memory for a coroutine frame from the calling thread's free lists. Return the memory on the same
// thread. Inline, because a request takes twenty frames whose sizes the compiler knows.
inline void* take_frame(size_t size) {
  const size_t granules = (size + internal::kFrameGranule - 1) / internal::kFrameGranule;
  if (!internal::is_pooled(granules)) return internal::make_single_frame(size);
  internal::FreeFrame*& list = internal::free_frames[granules];
  internal::FreeFrame* const frame = list;
  if (frame == nullptr) return internal::make_frame(granules);
  list = frame->next;
  return frame;
}

inline void give_back_frame(void* memory, size_t size) noexcept {
  const size_t granules = (size + internal::kFrameGranule - 1) / internal::kFrameGranule;
  if (!internal::is_pooled(granules)) return internal::delete_single_frame(memory);
  internal::FreeFrame*& list = internal::free_frames[granules];
  auto* const frame = static_cast<internal::FreeFrame*>(memory);
  frame->next = list;
  list = frame;
}

// Base class of objects that are created per connection or request; their memory comes from the frame pool.
struct Pooled {
  static void* operator new(size_t size) { return take_frame(size); }
  static void operator delete(void* memory, size_t size) noexcept { give_back_frame(memory, size); }
};

}  // namespace portcullis
