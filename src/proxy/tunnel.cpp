#include "proxy/tunnel.h"

#include <algorithm>

#include "proxy/relay_tunnel.h"

namespace portcullis::proxy {
namespace {

// Ends a WebSocket when its connection must end. The time is random, so that the clients of all WebSockets do
// not reconnect at the same time.
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
    // Wakes both directions, so that each checks `leaving`.
    client_.hurry_reader(Milliseconds(0));
    target_.hurry_reader(Milliseconds(0));
  }

  Tunnel& tunnel_;
  Stream& client_;
  Stream& target_;
  Milliseconds delay_;
};

// Runs one direction of the tunnel until it ends.
Task<void> run_half(TunnelHalf half, Tunnel& tunnel) {
  Task<bool> relaying = relay_raw(half, tunnel);
  if (co_await relaying) co_return;
  half.from.cancel();
  half.to.cancel();
}

}  // namespace

Task<void> run_tunnel(ExchangeState& state, Attempt& attempt, bool websocket) {
  WorkerContext& worker = state.worker;
  ClientConnection& connection = state.client.connection;
  Stream& client = state.client.message.tunnel();
  Stream& target = attempt.message().tunnel();
  Tunnel tunnel{attempt.target().upstream().timeouts.tunnel, worker.loop().now()};
  FrameTracker of_client, of_target;
  const GoingAway to_client, to_target(static_cast<uint32_t>(worker.random()));
  // Uses only a part of the time for a drain, so that Close frames can be answered in the rest.
  static constexpr Milliseconds kUsualDrain{30'000};
  const Milliseconds drain = state.snapshot->snapshot->drain_timeout;
  const auto max =
      static_cast<uint64_t>((drain == config::kNoTimeLimit ? kUsualDrain : drain).count()) * 2 / 3;
  Leaver leaver(tunnel, client, target, Milliseconds(static_cast<int64_t>(worker.random() % (max + 1))));
  if (websocket) connection.watch_drain(leaver);
  if (websocket && connection.closing()) leaver.on_drain();
  TaskGroup halves;
  TunnelHalf up{attempt.upload().behind(), client, target, state.record.request_bytes};
  TunnelHalf down{attempt.message().received(), target, client, state.record.response_bytes};
  if (websocket) {
    up.frames = &of_client;
    up.goodbye = to_target.text();
    down.frames = &of_target;
    down.goodbye = to_client.text();
  }
  halves.spawn(run_half(up, tunnel));
  halves.spawn(run_half(down, tunnel));
  co_await halves.join();
  state.record.ended = tunnel.was_idle  ? &kEnds.tunnel_idle
                       : tunnel.leaving ? &kEnds.tunnel_drained
                                        : &kEnds.tunnel_closed;
}

}  // namespace portcullis::proxy
