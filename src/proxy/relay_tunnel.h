#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/websocket.h"
#include "runtime/stream.h"
#include "runtime/task.h"

namespace portcullis::proxy {

// Two streams joined: a peer that is silent is not idle while the other one speaks.
struct Tunnel {
  Milliseconds idle_timeout;
  Clock::time_point last_bytes;  // in either direction
  bool was_idle = false;         // which is why it has ended
  bool leaving = false;          // both sides are to be told that it ends
};

// One direction of a tunnel.
struct TunnelHalf {
  std::string_view first;  // what has been received already
  Stream& from;
  Stream& to;
  uint64_t& bytes;                 // that pass are counted here
  FrameTracker* frames = nullptr;  // of a WebSocket; null for what cannot be left politely
  std::string_view goodbye{};      // for `to`
};

// Copies bytes until the source ends (true, with the receiver half-closed), either side fails, or the tunnel
// is idle. When the tunnel is being left: until the frame in hand has passed, then says goodbye, and waits a
// little for the source's own.
Task<bool> relay_raw(TunnelHalf half, Tunnel& tunnel);

}  // namespace portcullis::proxy
