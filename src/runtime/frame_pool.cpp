#include "runtime/frame_pool.h"

#include <array>
#include <cstdlib>
#include <new>

#include "base/sanitizers.h"

namespace portcullis {
namespace {

constexpr size_t kGranule = 64;
constexpr size_t kClasses = 257;  // frames of up to 16 KiB are pooled

struct FreeFrame {
  FreeFrame* next;
};

struct ThreadFrames {
  std::array<FreeFrame*, kClasses> free{};
  ~ThreadFrames() {
    for (FreeFrame*& list : free) {
      while (FreeFrame* frame = list) {
        list = frame->next;
        std::free(frame);
      }
    }
  }
};

thread_local ThreadFrames frames;

}  // namespace

void* take_frame(size_t size) {
  const size_t index = (size + kGranule - 1) / kGranule;
  if (index < kClasses && !kSanitized) {
    if (FreeFrame* frame = frames.free[index]) {
      frames.free[index] = frame->next;
      return frame;
    }
    size = index * kGranule;
  }
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void give_back_frame(void* memory, size_t size) noexcept {
  const size_t index = (size + kGranule - 1) / kGranule;
  if (index < kClasses && !kSanitized) {
    auto* frame = static_cast<FreeFrame*>(memory);
    frame->next = frames.free[index];
    frames.free[index] = frame;
    return;
  }
  std::free(memory);
}

}  // namespace portcullis
