#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <new>

namespace portcullis {

// Allocates memory that is read at random places. Each place of a large allocation is on a huge page when the
// kernel has one (transparent_hugepage=madvise or always), so that finding the address of a place needs no
// memory access of its own. All allocations begin at a cache line.
template <typename T>
class HugePages {
 public:
  using value_type = T;

  HugePages() = default;
  template <typename U>
  HugePages(const HugePages<U>&) {}

  T* allocate(size_t count) {
    const size_t alignment = is_large(count) ? kHugePage : kCacheLine;
    const size_t bytes = (count * sizeof(T) + alignment - 1) / alignment * alignment;
    void* const memory = std::aligned_alloc(alignment, bytes);
    if (memory == nullptr) throw std::bad_alloc();
    if (is_large(count)) ::madvise(memory, bytes, MADV_HUGEPAGE);
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, size_t) noexcept { std::free(memory); }

  friend bool operator==(const HugePages&, const HugePages&) { return true; }

 private:
  static constexpr size_t kHugePage = 2 << 20;
  static constexpr size_t kCacheLine = 64;
  // A smaller allocation would waste more than half of a huge page.
  static bool is_large(size_t count) { return count * sizeof(T) > kHugePage / 2; }
};

}  // namespace portcullis
