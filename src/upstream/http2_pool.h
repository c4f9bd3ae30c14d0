#pragma once

#include <memory>

#include "base/intrusive_list.h"
#include "http/h1/head_parser.h"
#include "http/h2/session.h"
#include "runtime/frame_pool.h"
#include "runtime/stream.h"
#include "runtime/task.h"
#include "runtime/wait_list.h"
#include "upstream/connection_queue.h"
#include "upstream/definition.h"

namespace portcullis::upstream {

class Http2Pool;

// A connection to a target that many requests share. Its pool's, once connected.
class Http2Connection final : public ListNode<Http2Pool>, public Pooled, private Timer {
 public:
  explicit Http2Connection(EventLoop& loop) : socket(loop) {}

  Breaker::Slot slot{};  // while there is a limit
  Stream socket;
  // It has carried a request before.
  bool reused() const { return reused_; }

 private:
  friend class Http2Pool;
  void fire() override;
  Task<void> read();
  void leave_when_idle(Milliseconds after);
  // Takes no more requests, and has no place among the connections any more.
  void give_up();

  const Clock::time_point since_ = socket.loop().now();
  Http2Pool* pool_ = nullptr;  // null: somebody else will destroy it
  std::unique_ptr<http::h2::Session> session_;
  bool reused_ = false;
  bool over_ = false;  // takes no more requests
  TaskGroup reading_;
};

// One target's HTTP/2 connections. Requests that come while the first one is being made wait for it, rather
// than each make its own. One worker's.
class Http2Pool {
 public:
  // `limits`: of the heads and trailers of responses. `queue`: of those who wait for connections, where there
  // is a limit; else null.
  Http2Pool(EventLoop& loop, Milliseconds idle_timeout, const Http2Windows& windows,
            const http::h1::HeadLimits& limits, ConnectionQueue* queue)
      : loop_(loop),
        idle_timeout_(idle_timeout),
        windows_(windows),
        limits_(limits),
        queue_(queue),
        waiters_(loop) {}
  ~Http2Pool();

  // A stream for one more request, or null when no connection has room for it. `reused` tells whether its
  // connection has carried others before.
  std::unique_ptr<http::h2::Channel> open(bool& reused);
  // Takes over a connection that has been made and on which the target speaks HTTP/2.
  void add(std::unique_ptr<Http2Connection> connection);
  // Connections end when their last request has.
  void retire();
  // Other workers wait for connections: one that has served here for a turn takes no more requests, and ends
  // when those it carries have.
  void give_way();
  // Gives up a connection that carries no request; false when there is none.
  bool close_one_idle();

  // Held by the request that makes a connection; the others wait until it is gone. When it has neither made
  // one nor failed, because its client has left, one of the others tries.
  class Connecting {
   public:
    explicit Connecting(Http2Pool& pool) : pool_(pool) { pool.connecting_ = true; }
    ~Connecting();
    Connecting(const Connecting&) = delete;
    Connecting& operator=(const Connecting&) = delete;
    void fail() { ++pool_.failures_; }

   private:
    Http2Pool& pool_;
  };
  bool connecting() const { return connecting_; }
  // How often it has failed.
  size_t failures() const { return failures_; }
  // co_await, while somebody is connecting: until he has done so, or the time is over: false.
  auto wait(Milliseconds timeout) { return waiters_.wait(timeout); }

 private:
  friend class Http2Connection;

  // What a connection is for at the least, before another worker may have its place.
  static constexpr Milliseconds kTurn{100};
  static constexpr uint32_t kMaxStreams = 100;  // on one connection; then there is another
  uint32_t most_streams() const;

  EventLoop& loop_;
  Milliseconds idle_timeout_;
  Http2Windows windows_;
  http::h1::HeadLimits limits_;
  // What the target has said it allows on a connection. The next one is not given more before it has said so
  // itself.
  uint32_t known_streams_ = kMaxStreams;
  ConnectionQueue* queue_;
  bool connecting_ = false;
  bool retired_ = false;
  size_t failures_ = 0;
  IntrusiveList<Http2Connection, Http2Pool> connections_;
  WaitList waiters_;
};

}  // namespace portcullis::upstream
