#include "proxy/websocket.h"

#include <algorithm>

namespace portcullis::proxy {
namespace {

constexpr uint8_t kFinal = 0x80, kClose = 0x8, kMasked = 0x80, kLength = 0x7f;
constexpr uint8_t kLength16 = 126, kLength64 = 127;
constexpr uint16_t kGoingAway = 1001;

}  // namespace

// The size of the frame's head, or the number of bytes that are needed to find the size.
size_t FrameTracker::head_wanted() const {
  if (head_size_ < 2) return 2;
  const uint8_t length = head_[1] & kLength;
  const size_t extended = length == kLength16 ? 2 : length == kLength64 ? 8 : 0;
  return 2 + extended + (head_[1] & kMasked ? 4 : 0);
}

void FrameTracker::finish_head() {
  const uint8_t length = head_[1] & kLength;
  payload_left_ = length;
  if (length >= kLength16) {
    payload_left_ = 0;
    for (size_t i = 2; i < (length == kLength16 ? 4u : 10u); ++i)
      payload_left_ = payload_left_ << 8 | head_[i];
  }
  saw_close_ |= (head_[0] & 0xf) == kClose;
  head_size_ = 0;
}

void FrameTracker::follow(std::string_view data) {
  while (!data.empty()) {
    if (payload_left_ > 0) {
      const auto part = static_cast<size_t>(std::min<uint64_t>(payload_left_, data.size()));
      payload_left_ -= part;
      data.remove_prefix(part);
      continue;
    }
    head_[head_size_++] = static_cast<uint8_t>(data.front());
    data.remove_prefix(1);
    if (head_size_ == head_wanted()) finish_head();
  }
}

GoingAway::GoingAway() : frame_{kFinal | kClose, 2, kGoingAway >> 8, kGoingAway & 0xff}, size_(4) {}

GoingAway::GoingAway(uint32_t key) : frame_{kFinal | kClose, kMasked | 2}, size_(8) {
  for (size_t i = 0; i < 4; ++i) frame_[2 + i] = static_cast<uint8_t>(key >> (24 - 8 * i));
  frame_[6] = static_cast<uint8_t>((kGoingAway >> 8) ^ frame_[2]);
  frame_[7] = static_cast<uint8_t>((kGoingAway & 0xff) ^ frame_[3]);
}

}  // namespace portcullis::proxy
