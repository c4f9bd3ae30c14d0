#pragma once

#include <cstddef>

namespace portcullis {

// Takes memory for a coroutine frame from the calling thread's free lists. Return the memory on the same
// thread.
void* take_frame(size_t size);
void give_back_frame(void* frame, size_t size) noexcept;

// Base class of objects that are created per connection or request; their memory comes from the frame pool.
struct Pooled {
  static void* operator new(size_t size) { return take_frame(size); }
  static void operator delete(void* memory, size_t size) noexcept { give_back_frame(memory, size); }
};

}  // namespace portcullis
