#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace portcullis::proxy {

// Follows one direction of a WebSocket (RFC 6455 section 5.2) frame by frame, without looking into them, to
// know where a frame of the gateway's own can be inserted.
class FrameTracker {
 public:
  void follow(std::string_view data);
  // All of the last frame has passed.
  bool at_boundary() const { return head_size_ == 0 && payload_left_ == 0; }
  // A Close frame has passed: nothing else follows it.
  bool saw_close() const { return saw_close_ && at_boundary(); }

 private:
  size_t head_wanted() const;
  void finish_head();

  std::array<uint8_t, 14> head_{};
  size_t head_size_ = 0;  // of the frame that begins
  uint64_t payload_left_ = 0;
  bool saw_close_ = false;
};

// A Close frame that says "going away" (1001); as clients send it, masked by `key`.
class GoingAway {
 public:
  GoingAway();
  explicit GoingAway(uint32_t key);
  std::string_view text() const { return {reinterpret_cast<const char*>(frame_.data()), size_}; }

 private:
  std::array<uint8_t, 8> frame_{};
  size_t size_ = 0;
};

}  // namespace portcullis::proxy
