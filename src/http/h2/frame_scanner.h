#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace portcullis::http::h2 {

// Follows where frames begin in what a client sends (RFC 9113 sections 3.4 and 4.1), because nghttp2 does not
// tell of frames that it ignores. One connection's.
class FrameScanner {
 public:
  // The part of `data` that comes next: what is left of a frame's payload, or bytes of a frame's head.
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
  // The part that next() has returned last ends a frame's head, which has this type and stream.
  bool has_head() const { return taken_ == head_.size(); }
  uint8_t type() const { return head_[3]; }
  int32_t stream() const {
    return static_cast<int32_t>((uint32_t{head_[5]} & 0x7F) << 24 | uint32_t{head_[6]} << 16 |
                                uint32_t{head_[7]} << 8 | head_[8]);
  }

 private:
  static constexpr size_t kPreface = 24;

  size_t left_ = kPreface;  // of the payload
  size_t taken_ = 0;        // of the head
  std::array<uint8_t, 9> head_{};
};

}  // namespace portcullis::http::h2
