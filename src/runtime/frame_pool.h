#pragma once

#include <cstddef>

namespace portcullis {

// Memory for coroutine frames from the calling thread's free lists. Give back on the thread that took.
void* take_frame(size_t size);
void give_back_frame(void* frame, size_t size) noexcept;

}  // namespace portcullis
