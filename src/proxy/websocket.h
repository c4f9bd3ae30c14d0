#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace portcullis::proxy {

// Finds the frame boundaries in one direction of a WebSocket (RFC 6455 section 5.2), so that the gateway can
// insert a frame of its own. Ignores the payload of the frames.
class FrameTracker {
 public:
  void follow(std::string_view data);
  // True when the last frame has passed to its end.
  bool at_boundary() const { return head_size_ == 0 && payload_left_ == 0; }
  // True when a Close frame has passed; no frame follows a Close frame.
  bool saw_close() const { return saw_close_ && at_boundary(); }

 private:
  size_t head_wanted() const;
  void finish_head();

  std::array<uint8_t, 14> head_{};
  size_t head_size_ = 0;  // received bytes of the current frame's head
  uint64_t payload_left_ = 0;
  bool saw_close_ = false;
};

// A Close frame with the status 1001 (going away). With a `key` the frame is masked, as frames of clients
// must be.
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
