// Preloaded into the gateway by tests/integration/test_allocations.py: counts each thread's heap calls in a
// file, which the test maps too. The file named by MALLOC_COUNTER_FILE must exist and hold kSlots slots.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
}

namespace {

constexpr size_t kSlots = 64;

struct Slot {
  int64_t thread;
  std::atomic<int64_t> calls;
};

Slot* table = nullptr;
std::atomic<size_t> taken{0};
thread_local Slot* mine = nullptr;

__attribute__((constructor)) void map_table() {
  const char* path = std::getenv("MALLOC_COUNTER_FILE");
  const int fd = path == nullptr ? -1 : ::open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void* memory = ::mmap(nullptr, kSlots * sizeof(Slot), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  if (memory != MAP_FAILED) table = static_cast<Slot*>(memory);
}

void count() {
  if (table == nullptr) return;
  if (mine == nullptr) {
    const size_t slot = taken.fetch_add(1);
    if (slot >= kSlots) return;
    mine = &table[slot];
    mine->thread = ::syscall(SYS_gettid);
  }
  mine->calls.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

extern "C" {

void* malloc(size_t size) {
  count();
  return __libc_malloc(size);
}
void* calloc(size_t number, size_t size) {
  count();
  return __libc_calloc(number, size);
}
void* realloc(void* memory, size_t size) {
  count();
  return __libc_realloc(memory, size);
}
void* memalign(size_t alignment, size_t size) {
  count();
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  return memalign(alignment, size);
}
int posix_memalign(void** out, size_t alignment, size_t size) {
  *out = memalign(alignment, size);
  return *out == nullptr ? 12 : 0;
}
}
