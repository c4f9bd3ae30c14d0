#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace portcullis::limits {

// Small counters under 64-bit hashes, shared by all workers: a fixed table of two-choice buckets of one cache
// line each. Memory is bounded whatever keys come: when both buckets of a new key are full, the cell that
// weighs least is given up, so whoever has the most on his account is the last to get it cleared.
//
// A counter that exists is found and changed by one compare-and-swap, without a lock. The first request of a
// key takes a spin lock, one of a thousand, so that two workers do not each make a cell for it.
//
// Each cell is a tag (the hash) and a word: 12 bits that say whose it is, derived from the hash, and 52 of
// payload. A cell changes hands in three steps: its tag becomes kMoving, its word the new owner's with
// nothing to his account, its tag the new owner's. The second step is a compare-and-swap from the word that
// was weighed: when the old owner has used his counter meanwhile, it fails, the cell stays his and nothing is
// lost. Who looks for a key and finds a cell that moves instead waits for these few instructions.
class CellTable {
 public:
  static constexpr unsigned kPayloadBits = 52;
  static constexpr uint64_t kMostPayload = (uint64_t{1} << kPayloadBits) - 1;

  // `bytes` is rounded down to a power of two; the memory is taken from the kernel as it is used.
  explicit CellTable(size_t bytes);
  ~CellTable();
  CellTable(const CellTable&) = delete;
  CellTable& operator=(const CellTable&) = delete;

  // Replaces the payload by change(payload), which starts at 0, until no other thread interferes. When it
  // returns nothing the cell stays as it is. `weigh(payload)` is 0 for a cell that may be taken at once.
  template <typename Change, typename Weigh>
  void update(uint64_t hash, Change change, Weigh weigh) {
    const uint64_t tag = tag_of(hash);
    for (;;) {
      Cell* cell = find(tag);
      if (cell == nullptr) cell = insert(tag, weigh);
      uint64_t word = cell->word.load(std::memory_order_acquire);
      // When the cell has changed hands since it was found, its word is another's. When it does so from here
      // on, the word changes too.
      if (cell->tag.load(std::memory_order_acquire) != tag) continue;
      const std::optional<uint64_t> next = change(word & kMostPayload);
      if (!next) return;
      const uint64_t fresh = owner_of(tag) << kPayloadBits | (*next & kMostPayload);
      if (cell->word.compare_exchange_strong(word, fresh, std::memory_order_acq_rel)) return;
    }
  }

  // The payload, or 0.
  uint64_t peek(uint64_t hash) const {
    const uint64_t tag = tag_of(hash);
    for (;;) {
      const Cell* cell = find(tag);
      if (cell == nullptr) return 0;
      const uint64_t word = cell->word.load(std::memory_order_acquire);
      if (cell->tag.load(std::memory_order_acquire) == tag) return word & kMostPayload;
    }
  }

  size_t capacity() const { return (mask_ + 1) * kWays; }
  // Cells that were given up although they weighed something.
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

  // Of a cell: 0 when nobody has it.
  static constexpr uint64_t kMoving = 1;
  static uint64_t tag_of(uint64_t hash) { return hash > kMoving ? hash : hash + 2; }
  static uint64_t owner_of(uint64_t tag) { return tag >> kPayloadBits; }
  size_t first_of(uint64_t tag) const { return tag & mask_; }
  size_t second_of(uint64_t tag) const { return (tag * 0x9E3779B97F4A7C15ull >> 24) & mask_; }

  Cell* find(uint64_t tag) const {
    __builtin_prefetch(&buckets_[second_of(tag)]);  // while the first one is on its way
    for (int tries = 0;; ++tries) {
      bool moving = false;  // one may come back to us
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

  // The cell of a bucket that would be given up, and how many weigh nothing.
  struct Choice {
    Cell* cell = nullptr;  // null: all of them move
    uint64_t tag = 0;
    uint64_t word = 0;
    uint64_t weight = UINT64_MAX;
    int free = 0;
  };
  // `fresh`: the word that the new owner would give it.
  template <typename Weigh>
  static Choice lightest_of(Bucket& bucket, uint64_t fresh, Weigh weigh) {
    Choice out;
    for (Cell& cell : bucket.cells) {
      const uint64_t tag = cell.tag.load(std::memory_order_acquire);
      const uint64_t word = cell.word.load(std::memory_order_acquire);
      // A word that would not change by changing hands could not tell its old owner of it.
      if (tag == kMoving || (tag != 0 && word == fresh)) continue;
      const uint64_t weight = tag == 0 ? 0 : weigh(word & kMostPayload);
      out.free += weight == 0;
      if (out.cell == nullptr || weight < out.weight) out = {&cell, tag, word, weight, out.free};
    }
    return out;
  }

  // Gives the cell to `tag`, with the word `fresh`, unless it is not any more what was chosen.
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
      if (Cell* cell = find(tag)) return cell;  // somebody was faster
      const Choice first = lightest_of(buckets_[first_of(tag)], fresh, weigh);
      const Choice second = lightest_of(buckets_[second_of(tag)], fresh, weigh);
      // Into the emptier of the two, or for the lightest of both: so few are given up before nearly all are
      // in use.
      const bool by_room = first.free != second.free;
      const Choice& choice =
          (by_room ? first.free > second.free : first.weight <= second.weight) ? first : second;
      if (choice.cell == nullptr || !move(choice, tag, fresh)) continue;
      if (choice.weight > 0) evictions_.fetch_add(1, std::memory_order_relaxed);
      return choice.cell;
    }
  }

  // Between two attempts: whoever is in the way may have been put aside by the kernel.
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
