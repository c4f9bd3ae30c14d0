#pragma once

#include <cstddef>

namespace portcullis {

// Memory for coroutine frames from the calling thread's free lists. Give back on the thread that took.
void* take_frame(size_t size);
void give_back_frame(void* frame, size_t size) noexcept;

// Base of objects that come and go with connections and requests, and are pooled like frames.
struct Pooled {
  static void* operator new(size_t size) { return take_frame(size); }
  static void operator delete(void* memory, size_t size) noexcept { give_back_frame(memory, size); }
};

}  // namespace portcullis
