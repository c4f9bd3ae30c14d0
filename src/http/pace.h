#pragma once

#include <algorithm>
#include <cstddef>

#include "base/block_pool.h"
#include "http/message_stream.h"
#include "runtime/event_loop.h"

namespace portcullis::http {

// How much of a body to read at a time. On loopback and fast links every read makes the kernel announce a new
// window and the sender fill it in small pieces, so large reads cost less (docs/performance.md). But a block
// is held until its receiver has taken it: so only receivers that are fast get large ones, none is larger
// than `largest`, and a receiver that is one of many streams gets no more than it can take at once.
class Pace {
 public:
  // `sink`: null where nothing holds back what is read.
  Pace(size_t largest, const MessageStream* sink)
      : largest_(largest), sink_(sink), fast_(largest_ >= Block::kGiant) {}

  // The receiver has gone: nothing holds back what is read.
  void detach() { sink_ = nullptr; }
  // The next block, and how much is to be read into it.
  Block take_block() {
    asked_ = fast_ ? largest_ : std::min(largest_, Block::kLarge);
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

  size_t largest_;
  const MessageStream* sink_;
  size_t asked_ = 0;
  bool fast_;  // a target is until it has been slow, a client once it has been fast
  bool filled_ = false;
};

}  // namespace portcullis::http
