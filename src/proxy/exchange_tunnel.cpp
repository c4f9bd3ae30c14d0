// What an exchange becomes when both sides have agreed on another protocol: a tunnel.

#include "base/text.h"
#include "proxy/client_connection.h"
#include "proxy/exchange.h"

namespace portcullis::proxy {
namespace {

// Leaves a WebSocket when its connection is to end, at a moment of its own: those who come back do not come
// back all at once.
class Leaver final : public DrainWatcher, private Timer {
 public:
  Leaver(Tunnel& tunnel, Stream& client, Stream& target, Milliseconds delay)
      : tunnel_(tunnel), client_(client), target_(target), delay_(delay) {}

  void on_drain() override {
    if (!static_cast<Timer&>(*this).linked() && !tunnel_.leaving) client_.loop().arm(*this, delay_);
  }

 private:
  void fire() override {
    tunnel_.leaving = true;
    // Whoever waits looks up.
    client_.hurry_reader(Milliseconds(0));
    target_.hurry_reader(Milliseconds(0));
  }

  Tunnel& tunnel_;
  Stream& client_;
  Stream& target_;
  Milliseconds delay_;
};

}  // namespace

bool Exchange::is_websocket(const http::Fields& fields) {
  return equals_ignoring_case(fields.value_of("upgrade"), "websocket");
}

Task<void> Exchange::join_streams(upstream::Connection& connection, std::string_view from_target,
                                  bool websocket) {
  struct Half {
    static Task<void> run(TunnelHalf half, Tunnel& tunnel) {
      const RelayResult result = co_await relay_raw(half, tunnel);
      if (result.outcome != RelayOutcome::kComplete) {
        half.from.cancel();
        half.to.cancel();
      }
    }
  };
  Tunnel tunnel{connection.target().upstream().tunnel_timeout, worker_.loop().now()};
  FrameTracker of_client, of_target;
  const GoingAway to_client, to_target(static_cast<uint32_t>(worker_.random()));
  // Most of the time that a drain may take, so that goodbyes can be answered in the rest.
  const auto longest = static_cast<uint64_t>(snapshot_->snapshot->drain_timeout.count()) * 2 / 3;
  Leaver leaver(tunnel, client_.stream, connection.stream,
                Milliseconds(static_cast<int64_t>(worker_.random() % (longest + 1))));
  if (websocket) client_.connection.watch_drain(leaver);
  if (websocket && client_.connection.closing()) leaver.on_drain();
  TaskGroup halves;
  TunnelHalf up{unread(), client_.stream, connection.stream, request_bytes_};
  TunnelHalf down{from_target, connection.stream, client_.stream, response_bytes_};
  if (websocket) {
    up.frames = &of_client;
    up.goodbye = to_target.text();
    down.frames = &of_target;
    down.goodbye = to_client.text();
  }
  halves.spawn(Half::run(up, tunnel));
  halves.spawn(Half::run(down, tunnel));
  co_await halves.join();
  ended_ = tunnel.was_idle ? "tunnel_idle" : tunnel.leaving ? "tunnel_drained" : "tunnel_closed";
}

}  // namespace portcullis::proxy
