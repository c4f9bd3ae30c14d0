// What an exchange becomes when both sides have agreed on another protocol: a tunnel.

#include <algorithm>

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

template <typename Visit>
void for_each_upgrade(const http::Fields& fields, Visit visit) {
  for (const http::Field& field : fields) {
    if (field.id == http::FieldId::kUpgrade) for_each_list_element(field.value, visit);
  }
}

}  // namespace

bool Exchange::names_upgrade(const http::Fields& fields, std::string_view protocol) {
  bool named = false;
  for_each_upgrade(fields, [&](std::string_view one) { named |= equals_ignoring_case(one, protocol); });
  return named;
}

// Of the protocols that the client asks for, those that its route allows are what the target is asked for.
// When there are none the request goes on without an upgrade, as RFC 9110 section 7.8 permits; false then.
bool Exchange::choose_upgrade() {
  std::string_view chosen;
  // Each once, however often the client names it.
  for (const std::string& allowed : route_->upgrades) {
    std::string_view asked;
    for_each_upgrade(request_.fields, [&](std::string_view one) {
      if (asked.empty() && equals_ignoring_case(allowed, one)) asked = one;
    });
    if (!asked.empty()) chosen = chosen.empty() ? asked : arena_.concat(chosen, ", ", asked);
  }
  request_.wants_upgrade = !chosen.empty();
  request_.fields.remove(http::FieldId::kUpgrade);
  return request_.wants_upgrade && request_.fields.add("upgrade", chosen, http::FieldId::kUpgrade);
}

// A 101 names the protocol that the connection switches to, and it is one that was asked for (RFC 9110
// sections 7.8 and 15.2.2).
bool Exchange::switches_as_asked() const {
  bool named = false, asked = request_.wants_upgrade;
  for_each_upgrade(response_.fields, [&](std::string_view one) {
    named = true;
    asked = asked && names_upgrade(request_.fields, one);
  });
  return named && asked;
}

// The target has answered 101, in a head of `head_size` bytes: passes that on, and joins the two connections
// until the tunnel ends.
Task<Exchange::TryOutcome> Exchange::open_tunnel(upstream::Connection& connection, BodySource& body,
                                                 TaskGroup& upload, std::string_view from_target,
                                                 size_t head_size) {
  if (!switches_as_asked()) co_return fail(kEnds.upstream_unasked_upgrade);
  // What the client sends of the new protocol comes behind the whole request (RFC 9110 section 7.8).
  co_await upload.join();
  if (!body.complete) co_return fail(reason_of_broken_stream(upload_result_.error));
  answered_ = true;
  const bool websocket = names_upgrade(response_.fields, "websocket");
  const bool accepted = co_await accept_upgrade(head_size);
  keep_logged_fields();
  if (accepted)
    co_await join_streams(connection, held_body_.held() ? held_body_.rest() : body.rest, from_target,
                          websocket);
  close_client_ = true;
  co_return TryOutcome::kAnswered;
}

// `from_client` and `from_target` are what each side has sent of the new protocol already.
Task<void> Exchange::join_streams(upstream::Connection& connection, std::string_view from_client,
                                  std::string_view from_target, bool websocket) {
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
  static constexpr Milliseconds kUsualDrain{30'000};
  const Milliseconds drain = snapshot_->snapshot->drain_timeout;
  const auto longest =
      static_cast<uint64_t>((drain == config::kNoTimeLimit ? kUsualDrain : drain).count()) * 2 / 3;
  Leaver leaver(tunnel, client_.stream, connection.stream,
                Milliseconds(static_cast<int64_t>(worker_.random() % (longest + 1))));
  if (websocket) client_.connection.watch_drain(leaver);
  if (websocket && client_.connection.closing()) leaver.on_drain();
  TaskGroup halves;
  TunnelHalf up{from_client, client_.stream, connection.stream, request_bytes_};
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
  ended_ = tunnel.was_idle  ? &kEnds.tunnel_idle
           : tunnel.leaving ? &kEnds.tunnel_drained
                            : &kEnds.tunnel_closed;
}

}  // namespace portcullis::proxy
