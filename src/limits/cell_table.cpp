#include "limits/cell_table.h"

#include <sched.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <new>

namespace portcullis::limits {

CellTable::CellTable(size_t bytes) {
  const size_t buckets = std::bit_floor(std::max(bytes / sizeof(Bucket), size_t{64}));
  mask_ = buckets - 1;
  mapped_bytes_ = buckets * sizeof(Bucket);
  void* memory = ::mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  // Accesses are random, and would often miss the TLB with small pages.
  ::madvise(memory, mapped_bytes_, MADV_HUGEPAGE);
  // The kernel's zero pages are valid empty cells, because all members are atomics with the initial value 0.
  buckets_ = static_cast<Bucket*>(memory);
}

CellTable::~CellTable() {
  ::munmap(buckets_, mapped_bytes_);
}

const CellTable::Choice* CellTable::choose(const Choices& from, uint64_t kind) {
  const Choice* chosen = nullptr;
  size_t max = 0;
  for (const Choice& one : from.each()) {
    size_t same = one.kind() == kind ? 1 : 0;  // counts the new cell as one of its kind
    for (const Choice& other : from.each()) same += other.kind() == one.kind();
    if (chosen != nullptr) {
      const bool more = same > max || (same == max && one.kind() == kind && chosen->kind() != kind);
      const bool lighter = same == max && one.kind() == chosen->kind() && one.weight < chosen->weight;
      if (!more && !lighter) continue;
    }
    chosen = &one;
    max = std::max(max, same);
  }
  return chosen;
}

void CellTable::pause(int tries) {
  if (tries >= 64) ::sched_yield();
}

void CellTable::Lock::take() {
  for (int tries = 0; flag_.test_and_set(std::memory_order_acquire); ++tries) pause(tries);
}

}  // namespace portcullis::limits
