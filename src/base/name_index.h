#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <string_view>
#include <utility>
#include <vector>

#include "base/hash.h"

namespace portcullis {

// The positions of many names, in one piece of memory. The names must outlive the index.
class NameIndex {
 public:
  static constexpr size_t kNone = std::numeric_limits<size_t>::max();

  explicit NameIndex(size_t max) : slots_(std::bit_ceil(max * 2 + 1), Slot{{}, kNone}) {}

  // Adds a name, of which there may be at most `max`. Returns the position that the name has, which is
  // another one when the name is known already.
  size_t add(std::string_view name, size_t position) {
    Slot& slot = slots_[slot_of(name)];
    if (slot.position == kNone) slot = {name, position};
    return slot.position;
  }
  // kNone for an unknown name.
  size_t find(std::string_view name) const { return slots_[slot_of(name)].position; }

 private:
  struct Slot {
    std::string_view name;
    size_t position;
  };

  // Not known to authors of names, who could choose names that collide.
  static uint64_t seed() {
    static const uint64_t chosen = (uint64_t{std::random_device()()} << 32) | std::random_device()();
    return chosen;
  }
  // The slot of the name, or the free one where it belongs.
  size_t slot_of(std::string_view name) const {
    const size_t mask = slots_.size() - 1;
    size_t at = hash_bytes(name, seed()) & mask;
    while (slots_[at].position != kNone && slots_[at].name != name) at = (at + 1) & mask;
    return at;
  }

  std::vector<Slot> slots_;
};

// The positions of the names of `items`, which have a `name`; of equal names, that of the first.
template <typename List>
NameIndex index_names(const List& items) {
  NameIndex out(items.size());
  size_t position = 0;
  for (const auto& item : items) out.add(item.name, position++);
  return out;
}

}  // namespace portcullis
