#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "proxy/recording.h"

namespace portcullis::proxy {

// A copy of recorded heads, in the order in which they were recorded.
struct RecordedHeads {
  std::shared_ptr<const Recording> recording;  // says what the bytes mean
  std::string bytes;                           // see proxy/recorded_head.h
};

// The last heads that a worker has recorded, in memory that is taken at the construction: a queue of blocks,
// each with heads of one snapshot. Blocks that become free are used again first, so only as many are touched
// as the present heads need. On its worker's thread.
class HeadRing {
 public:
  static constexpr size_t kBlock = 16 * 1024;  // a longer head is not recorded
  static constexpr size_t kAlign = 8;

  // Uses at least two blocks.
  explicit HeadRing(const Recording::Bounds& bounds);

  const Recording::Bounds& bounds() const { return bounds_; }
  // Room for a head of `size` bytes, in place of the oldest heads if need be; null when it is too long. The
  // caller writes all bytes; the first four are their number.
  char* add(size_t size, const std::shared_ptr<const Recording>& recording);
  std::vector<RecordedHeads> copy() const;
  size_t size() const { return heads_; }
  size_t capacity() const { return blocks_.size() * kBlock; }

 private:
  struct Block {
    std::shared_ptr<const Recording> recording{};
    size_t begin = 0, end = 0;
    size_t heads = 0;
  };
  uint32_t front() const { return used_[first_]; }
  uint32_t back() const { return used_[(first_ + count_ - 1) % used_.size()]; }
  char* at(uint32_t block) const { return storage_.get() + block * kBlock; }
  void open_block(const std::shared_ptr<const Recording>& recording);
  void drop_front();
  void drop_oldest();

  Recording::Bounds bounds_;
  std::vector<Block> blocks_;
  std::unique_ptr<char[]> storage_;
  std::vector<uint32_t> free_;
  std::vector<uint32_t> used_;  // a ring of `count_` blocks from `first_` on, oldest first
  size_t first_ = 0, count_ = 0;
  size_t heads_ = 0;
};

}  // namespace portcullis::proxy
