#pragma once

#include <algorithm>
#include <cstddef>

#include "base/block_pool.h"
#include "http/message_stream.h"
#include "runtime/event_loop.h"

namespace portcullis::http {

// Decides how much of a body to read at a time. On loopback and fast links every read makes the kernel
// announce a new window, which the sender fills in small pieces, so large reads cost less
// (docs/performance.md). But a block is occupied until its receiver has taken the bytes: therefore only fast
// receivers get large blocks, no block is larger than `max`, and an HTTP/2 stream gets no more than it
// can take at once.
class Pace {
 public:
  // `sink` is the receiver, whose room bounds each read; null: no bound.
  Pace(size_t max, const MessageStream* sink) : max_(max), sink_(sink), fast_(max_ >= Block::kGiant) {}

  // From now on `sink` is the receiver; null: the receiver no longer exists, and there is no bound.
  void set_sink(const MessageStream* sink) { sink_ = sink; }
  // Takes the next block; asked() is how much to read into it.
  Block take_block() {
    asked_ = fast_ ? max_ : std::min(max_, Block::kLarge);
    if (sink_ != nullptr) asked_ = std::clamp(sink_->room(), std::min(asked_, Block::kSmall), asked_);
    return asked_ >= Block::kGiant ? Block::take_giant() : Block::take(asked_);
  }
  size_t asked(const Block& block) const { return std::min(asked_, block.capacity()); }
  void read(const Block& block, size_t bytes) { filled_ = bytes == asked(block); }
  void written(Clock::duration took) {
    if (took >= kSlow) {
      fast_ = false;
    } else if (filled_) {
      fast_ = true;
    }
    filled_ = false;
  }

 private:
  static constexpr Milliseconds kSlow{10};

  size_t max_;
  const MessageStream* sink_;
  size_t asked_ = 0;
  // The receiver is fast. True at first if `max` permits giant blocks, as for uploads to targets.
  bool fast_;
  bool filled_ = false;
};

}  // namespace portcullis::http
