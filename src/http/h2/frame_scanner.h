#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace portcullis::http::h2 {

// Finds the frame boundaries in the bytes that a client sends (RFC 9113 sections 3.4 and 4.1), because
// nghttp2 does not report frames that it ignores. One per connection.
class FrameScanner {
 public:
  // The next part of `data`: the rest of a frame's payload, or bytes of a frame's head.
  std::string_view next(std::string_view data) {
    if (has_head()) {
      left_ = size_t{head_[0]} << 16 | size_t{head_[1]} << 8 | head_[2];
      taken_ = 0;
    }
    const size_t size = std::min(data.size(), left_ > 0 ? left_ : head_.size() - taken_);
    if (left_ > 0) {
      left_ -= size;
    } else {
      std::memcpy(head_.data() + taken_, data.data(), size);
      taken_ += size;
    }
    return data.substr(0, size);
  }
  // True when the part that next() returned last completes a frame's head; type and stream below are those of
  // that head.
  bool has_head() const { return taken_ == head_.size(); }
  uint8_t type() const { return head_[3]; }
  int32_t stream() const {
    return static_cast<int32_t>((uint32_t{head_[5]} & 0x7F) << 24 | uint32_t{head_[6]} << 16 |
                                uint32_t{head_[7]} << 8 | head_[8]);
  }

 private:
  static constexpr size_t kPreface = 24;

  size_t left_ = kPreface;  // remaining bytes of the payload
  size_t taken_ = 0;        // received bytes of the head
  std::array<uint8_t, 9> head_{};
};

}  // namespace portcullis::http::h2
