#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/websocket.h"
#include "runtime/stream.h"
#include "runtime/task.h"

namespace portcullis::proxy {

// The common state of both directions of a tunnel. A tunnel is idle when both peers are silent, or when one
// does not read what is sent to it.
struct Tunnel {
  Milliseconds idle_timeout;
  Clock::time_point last_bytes;  // when the last bytes were passed on in either direction
  bool was_idle = false;         // the tunnel has ended because it was idle
  bool leaving = false;          // the gateway ends the tunnel, and tells both sides so if possible
};

// One direction of a tunnel.
struct TunnelHalf {
  std::string_view first;  // bytes that have been received already
  Stream& from;
  Stream& to;
  uint64_t& bytes;                 // counts the bytes that are passed on
  FrameTracker* frames = nullptr;  // for a WebSocket; null for other protocols, which have no Close frame
  std::string_view goodbye{};      // the Close frame for `to`
};

// Copies bytes until the source ends, a side fails, or the tunnel is idle. True when the source has ended;
// the gateway has then ended its side towards the receiver too. When `tunnel.leaving` is set, a WebSocket's
// current frame is passed on to its end, `goodbye` is sent unless a Close frame has passed, and the result is
// true after a short wait for the Close frame of the source.

Task<bool> relay_raw(TunnelHalf half, Tunnel& tunnel);

}  // namespace portcullis::proxy
