#include "base/block_pool.h"

#include <array>
#include <cstdlib>
#include <new>

#include "base/sanitizers.h"

namespace portcullis {
namespace {

constexpr size_t kPage = 4096;
constexpr size_t kMaxGiants = 32;

struct FreeBlock {
  FreeBlock* next;
};

struct SizeClass {
  size_t size;
  size_t keep;  // the maximum number of free blocks that a thread keeps
  FreeBlock* free = nullptr;
  size_t count = 0;
  size_t in_use = 0;
};

struct ThreadPool {
  std::array<SizeClass, 6> classes{{{Block::kSmall, 1024},
                                    {Block::kMedium, 512},
                                    {Block::kLarge, 64},
                                    {Block::kBody, 64},
                                    {Block::kHuge, 64},
                                    {Block::kGiant, kMaxGiants}}};
  ~ThreadPool() {
    for (SizeClass& size_class : classes) {
      while (FreeBlock* block = size_class.free) {
        size_class.free = block->next;
        std::free(block);
      }
    }
  }
  SizeClass* class_for(size_t size) {
    if (kSanitized) return nullptr;
    for (SizeClass& size_class : classes) {
      if (size <= size_class.size) return &size_class;
    }
    return nullptr;
  }
};

thread_local ThreadPool thread_pool;

// The kernel copies large amounts more slowly into and out of memory that is not page-aligned.
char* allocate(size_t size) {
  void* memory = size < Block::kLarge ? std::malloc(size)
                                      : std::aligned_alloc(kPage, (size + kPage - 1) / kPage * kPage);
  if (memory == nullptr) throw std::bad_alloc();
  return static_cast<char*>(memory);
}

}  // namespace

Block Block::take(size_t size) {
  SizeClass* size_class = thread_pool.class_for(size);
  if (size_class == nullptr) return Block(allocate(size), size);
  ++size_class->in_use;
  if (FreeBlock* block = size_class->free) {
    size_class->free = block->next;
    --size_class->count;
    return Block(reinterpret_cast<char*>(block), size_class->size);
  }
  return Block(allocate(size_class->size), size_class->size);
}

Block Block::take_giant() {
  const SizeClass* giants = thread_pool.class_for(kGiant);
  return take(giants == nullptr || giants->in_use < kMaxGiants ? kGiant : kHuge);
}

void Block::give_back() {
  SizeClass* size_class = thread_pool.class_for(capacity_);
  if (size_class != nullptr) --size_class->in_use;
  if (size_class != nullptr && size_class->count < size_class->keep) {
    auto* block = reinterpret_cast<FreeBlock*>(data_);
    block->next = size_class->free;
    size_class->free = block;
    ++size_class->count;
  } else {
    std::free(data_);
  }
  data_ = nullptr;
  capacity_ = 0;
}

}  // namespace portcullis
