#include "upstream/http2_pool.h"

#include <algorithm>
#include <cerrno>

namespace portcullis::upstream {

using http::h2::Channel;
using http::h2::Session;

// A timer destroys the connection, because the connection's own coroutine cannot.
void Http2Connection::leave_when_idle(Milliseconds after) {
  if (pool_ != nullptr && session_->open_channels() == 0) socket.loop().arm(*this, after);
}

void Http2Connection::fire() {
  delete this;
}

void Http2Connection::give_up() {
  over_ = true;
  slot = {};
  leave_when_idle(Milliseconds(0));
}

Task<void> Http2Connection::read() {
  for (;;) {
    const IoResult ready = co_await socket.readable(kForever);
    if (!ready.ok()) break;
    const Block block = Block::take(Block::kHuge);
    const IoResult got = socket.try_read(block.data(), block.capacity());
    if (got.error == EAGAIN) continue;
    if (!got.ok() || got.bytes == 0 || !session_->receive({block.data(), got.bytes})) break;
  }
  over_ = true;
  session_->end();
  leave_when_idle(Milliseconds(0));
}

Http2Pool::~Http2Pool() {
  while (!connections_.empty()) {
    std::unique_ptr<Http2Connection> connection(&connections_.pop_front());
    connection->pool_ = nullptr;
    static_cast<Timer&>(*connection).unlink();
    if (!connection->session_->delivering()) continue;
    // The session is signalling a channel, whose owner has closed this connection, so the connection is
    // destroyed later.
    loop_.post([kept = std::shared_ptr<Http2Connection>(std::move(connection))] {});
  }
}

std::unique_ptr<Channel> Http2Pool::open(bool& reused) {
  std::unique_ptr<Channel> channel;
  connections_.for_each([&](Http2Connection& one) {
    if (one.session_->settled()) known_streams_ = std::max(one.session_->peer_streams(), 1u);
    if (channel || one.over_ || !one.session_->may_open()) return;
    static_cast<Timer&>(one).unlink();
    channel = one.session_->open();
    reused = one.reused_;
    one.reused_ = true;
  });
  return channel;
}

// The max number of streams whose unread bodies still leave half of the connection's window to the others; a
// body stays unread as long as its client does not read. Half, because a window is reopened when half of it
// has been used (RFC 9113 section 6.9 does not say when).
uint32_t Http2Pool::max_streams() const {
  return std::clamp(windows_.connection_window / 2 / std::max(windows_.stream_window, 1u), 1u, kMaxStreams);
}

void Http2Pool::add(std::unique_ptr<Http2Connection> connection) {
  Http2Connection& one = *connection.release();
  connections_.push_front(one);
  one.pool_ = this;
  const http::h2::SessionSettings settings{.streams = max_streams(),
                                           .expected_streams = known_streams_,
                                           .stream_window = windows_.stream_window,
                                           .connection_window = windows_.connection_window,
                                           .head_size = limits_.head_size,
                                           .field_count = limits_.field_count};
  one.session_ = std::make_unique<Session>(one.socket, Session::Side::kClient, settings);
  one.session_->on_idle([this, &one] {
    if (queue_ != nullptr && queue_->owes_others()) return one.give_up();
    const bool leaves = one.over_ || retired_ || !one.session_->may_open();
    one.leave_when_idle(leaves ? Milliseconds(0) : idle_timeout_);
  });
  one.reading_.spawn(one.read());
}

void Http2Pool::retire() {
  retired_ = true;
  connections_.for_each([](Http2Connection& one) {
    one.over_ = true;
    one.leave_when_idle(Milliseconds(0));
  });
}

bool Http2Pool::close_one_idle() {
  bool closed = false;
  connections_.for_each([&closed](Http2Connection& one) {
    if (closed || one.over_ || one.session_->open_channels() > 0) return;
    closed = true;
    one.give_up();
  });
  return closed;
}

void Http2Pool::give_way() {
  if (queue_ == nullptr || !queue_->owes_others()) return;
  Http2Connection* chosen = nullptr;
  bool leaving = false;  // only one connection leaves at a time
  connections_.for_each([&](Http2Connection& one) {
    leaving |= one.over_;
    if (!one.over_ && loop_.now() - one.since_ >= kTurn) chosen = &one;
  });
  if (chosen != nullptr && !leaving) chosen->over_ = true;
}

Http2Pool::Connecting::~Connecting() {
  pool_.connecting_ = false;
  pool_.waiters_.wake_all();
}

}  // namespace portcullis::upstream
