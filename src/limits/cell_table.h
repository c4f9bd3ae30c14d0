#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace portcullis::limits {

// Small counters keyed by 64-bit hashes and shared by all workers: a fixed table of two-choice buckets of one
// cache line each. Memory is bounded whatever keys arrive: when both buckets of a new key are full, a cell is
// evicted. Each key has a kind, for example one kind per limit, which is the part kKindMask of its hash. The
// evicted cell belongs to the kind with most cells in the two buckets, counting the new key, so that a flood
// of keys of one kind evicts keys of that kind only. Within that kind the cell with the lowest weight is
// evicted, so counters with a high count stay longest.
//
// An existing counter is found and changed by one compare-and-swap, without a lock. The first request of a
// key takes one of a thousand spin locks, so that two workers do not each create a cell for the key.
//
// Each cell consists of a tag (the hash) and a word: 12 bits that identify the owner, derived from the hash,
// and 52 bits of payload. A cell changes its owner in three steps: the tag becomes kMoving, the word becomes
// the new owner's with payload 0, the tag becomes the new owner's. The second step is a compare-and-swap from
// the word that was weighed: if the old owner has used its counter meanwhile, the step fails, the cell keeps
// its owner and no count is lost. A thread that meets a cell with kMoving while it searches a key waits for
// these few instructions.
class CellTable {
 public:
  static constexpr unsigned kPayloadBits = 52;
  static constexpr uint64_t kMaxPayload = (uint64_t{1} << kPayloadBits) - 1;
  static constexpr unsigned kKindShift = 44;
  static constexpr uint64_t kKinds = 256;
  static constexpr uint64_t kKindMask = (kKinds - 1) << kKindShift;

  // `bytes` is rounded down to a power of two. The kernel provides the memory when it is first used.
  explicit CellTable(size_t bytes);
  ~CellTable();
  CellTable(const CellTable&) = delete;
  CellTable& operator=(const CellTable&) = delete;

  // Atomically replaces the payload, initially 0, by change(payload); repeats when another thread interferes.
  // When change() returns nothing, the cell stays unchanged. `weigh(payload)` is 0 for a cell that may be
  // evicted at once.
  template <typename Change, typename Weigh>
  void update(uint64_t hash, Change change, Weigh weigh) {
    const uint64_t tag = tag_of(hash);
    for (;;) {
      Cell* cell = find(tag);
      if (cell == nullptr) cell = insert(tag, weigh);
      uint64_t word = cell->word.load(std::memory_order_acquire);
      // If the cell has changed its owner since it was found, the word belongs to another key. If the owner
      // changes after this check, the word changes too, and the compare-and-swap fails.
      if (cell->tag.load(std::memory_order_acquire) != tag) continue;
      const std::optional<uint64_t> next = change(word & kMaxPayload);
      if (!next) return;
      const uint64_t fresh = owner_of(tag) << kPayloadBits | (*next & kMaxPayload);
      if (cell->word.compare_exchange_strong(word, fresh, std::memory_order_acq_rel)) return;
    }
  }

  // The payload of the key; 0 when it has no cell.
  uint64_t peek(uint64_t hash) const {
    const uint64_t tag = tag_of(hash);
    for (;;) {
      const Cell* cell = find(tag);
      if (cell == nullptr) return 0;
      const uint64_t word = cell->word.load(std::memory_order_acquire);
      if (cell->tag.load(std::memory_order_acquire) == tag) return word & kMaxPayload;
    }
  }

  size_t capacity() const { return (mask_ + 1) * kWays; }
  // The number of evicted cells whose weight was not 0.
  uint64_t evictions() const { return evictions_.load(std::memory_order_relaxed); }

 private:
  static constexpr size_t kWays = 4;
  struct Cell {
    std::atomic<uint64_t> tag;
    std::atomic<uint64_t> word;
  };
  struct alignas(64) Bucket {
    Cell cells[kWays];
  };
  static_assert(sizeof(Bucket) == 64);

  // A cell's tag while its owner changes. The tag 0 marks an empty cell.
  static constexpr uint64_t kMoving = 1;
  static uint64_t tag_of(uint64_t hash) { return hash > kMoving ? hash : hash + 2; }
  static uint64_t owner_of(uint64_t tag) { return tag >> kPayloadBits; }
  size_t first_of(uint64_t tag) const { return tag & mask_; }
  size_t second_of(uint64_t tag) const { return (tag * 0x9E3779B97F4A7C15ull >> 24) & mask_; }

  Cell* find(uint64_t tag) const {
    __builtin_prefetch(&buckets_[second_of(tag)]);  // loads the second bucket while the first is being read
    for (int tries = 0;; ++tries) {
      bool moving = false;  // a moving cell may turn out to be the searched one
      for (const size_t at : {first_of(tag), second_of(tag)}) {
        for (Cell& cell : buckets_[at].cells) {
          const uint64_t its = cell.tag.load(std::memory_order_acquire);
          if (its == tag) return &cell;
          moving |= its == kMoving;
        }
      }
      if (!moving) return nullptr;
      pause(tries);
    }
  }

  // A cell that could be evicted.
  struct Choice {
    Cell* cell = nullptr;
    uint64_t tag = 0;
    uint64_t word = 0;
    uint64_t weight = 0;

    uint64_t kind() const { return tag & kKindMask; }
  };
  // The candidates in both buckets of a key.
  struct Choices {
    std::array<Choice, 2 * kWays> all{};
    size_t count = 0;

    std::span<const Choice> each() const { return {all.data(), count}; }
  };
  // Adds the cells of a bucket to `out`, and returns how many of them have weight 0. `fresh` is the word that
  // a new owner would start with.
  template <typename Weigh>
  static size_t add_choices(Bucket& bucket, uint64_t fresh, Weigh weigh, Choices& out) {
    size_t free = 0;
    for (Cell& cell : bucket.cells) {
      const uint64_t tag = cell.tag.load(std::memory_order_acquire);
      const uint64_t word = cell.word.load(std::memory_order_acquire);
      // A word equal to `fresh` cannot be moved: the old owner's compare-and-swap would not notice the
      // change.
      if (tag == kMoving || (tag != 0 && word == fresh)) continue;
      const uint64_t weight = tag == 0 ? 0 : weigh(word & kMaxPayload);
      free += weight == 0;
      out.all[out.count++] = {&cell, tag, word, weight};
    }
    return free;
  }
  // The cell to evict for a new key of `kind` when no cell has weight 0; null when all cells are moving.
  static const Choice* choose(const Choices& from, uint64_t kind);

  // Gives the cell to `tag`, with the word `fresh`. False when the cell has changed since it was chosen.
  static bool move(const Choice& choice, uint64_t tag, uint64_t fresh) {
    uint64_t expected = choice.tag;
    if (!choice.cell->tag.compare_exchange_strong(expected, kMoving, std::memory_order_acq_rel)) return false;
    uint64_t word = choice.word;
    const bool moved = choice.cell->word.compare_exchange_strong(word, fresh, std::memory_order_acq_rel);
    choice.cell->tag.store(moved ? tag : choice.tag, std::memory_order_release);
    return moved;
  }

  template <typename Weigh>
  Cell* insert(uint64_t tag, Weigh weigh) {
    const Lock lock(locks_[tag % kLocks]);
    const uint64_t fresh = owner_of(tag) << kPayloadBits;
    for (int tries = 0;; pause(tries++)) {
      if (Cell* cell = find(tag)) return cell;  // another thread has created the cell
      Choices choices;
      const size_t free_first = add_choices(buckets_[first_of(tag)], fresh, weigh, choices);
      const size_t in_first = choices.count;
      const size_t free_second = add_choices(buckets_[second_of(tag)], fresh, weigh, choices);
      const Choice* choice = nullptr;
      if (free_first + free_second > 0) {
        // The new cell goes into the emptier bucket, which delays evictions until nearly all cells are in
        // use.
        const bool first = free_first >= free_second;
        const std::span<const Choice> its = choices.each().subspan(first ? 0 : in_first);
        choice = std::find_if(its.data(), its.data() + its.size(),
                              [](const Choice& one) { return one.weight == 0; });
      } else {
        choice = choose(choices, tag & kKindMask);
      }
      if (choice == nullptr || !move(*choice, tag, fresh)) continue;
      if (choice->weight > 0) evictions_.fetch_add(1, std::memory_order_relaxed);
      return choice->cell;
    }
  }

  // Waits between two attempts; after many it yields, because the kernel may have suspended the interfering
  // thread.
  static void pause(int tries);

  static constexpr size_t kLocks = 1024;
  class Lock {
   public:
    explicit Lock(std::atomic_flag& flag) : flag_(flag) { take(); }
    ~Lock() { flag_.clear(std::memory_order_release); }

   private:
    void take();
    std::atomic_flag& flag_;
  };

  Bucket* buckets_ = nullptr;
  size_t mask_ = 0;
  size_t mapped_bytes_ = 0;
  std::atomic<uint64_t> evictions_{0};
  std::unique_ptr<std::atomic_flag[]> locks_ = std::make_unique<std::atomic_flag[]>(kLocks);
};

}  // namespace portcullis::limits
