#pragma once

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <new>

#include "runtime/frame_pool.h"

namespace portcullis::http::h2 {

// An allocator for nghttp2 that uses the thread's frame pool, so that steady traffic does not call malloc().
// Each allocation stores its size in front, because the pool needs the size when memory is returned.
inline nghttp2_mem pooled_memory() {
  constexpr size_t kHead = alignof(std::max_align_t);
  struct Memory {
    static void* take(size_t size, void*) {
      try {
        auto* const place = static_cast<char*>(take_frame(size + kHead));
        std::memcpy(place, &size, sizeof size);
        return place + kHead;
      } catch (const std::bad_alloc&) {
        return nullptr;
      }
    }
    static size_t size_of(void* memory) {
      size_t size;
      std::memcpy(&size, static_cast<char*>(memory) - kHead, sizeof size);
      return size;
    }
    static void give_back(void* memory, void*) {
      if (memory == nullptr) return;
      give_back_frame(static_cast<char*>(memory) - kHead, size_of(memory) + kHead);
    }
    static void* take_zeroed(size_t count, size_t size, void*) {
      void* const memory = take(count * size, nullptr);
      if (memory != nullptr) std::memset(memory, 0, count * size);
      return memory;
    }
    static void* resize(void* memory, size_t size, void*) {
      void* const other = take(size, nullptr);
      if (other == nullptr || memory == nullptr) return other;
      std::memcpy(other, memory, std::min(size, size_of(memory)));
      give_back(memory, nullptr);
      return other;
    }
  };
  return {nullptr, Memory::take, Memory::give_back, Memory::take_zeroed, Memory::resize};
}

}  // namespace portcullis::http::h2
