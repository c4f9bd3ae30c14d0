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

// A connection to a target that many requests share. Once connected, its pool owns it.
class Http2Connection final : public ListNode<Http2Pool>, public Pooled, private Timer {
 public:
  explicit Http2Connection(EventLoop& loop) : socket(loop) {}

  Breaker::Slot slot{};  // set when connections are limited
  Stream socket;
  // True when the connection has carried a request before.
  bool reused() const { return reused_; }

 private:
  friend class Http2Pool;
  void fire() override;
  Task<void> read();
  void leave_when_idle(Milliseconds after);
  // From now on the connection accepts no more requests, and gives back its breaker slot.
  void give_up();

  const Clock::time_point since_ = socket.loop().now();
  Http2Pool* pool_ = nullptr;  // null when the connection is about to be destroyed elsewhere
  std::unique_ptr<http::h2::Session> session_;
  bool reused_ = false;
  bool over_ = false;  // accepts no more requests
  TaskGroup reading_;
};

// One target's HTTP/2 connections of one worker. Requests that arrive while the first connection is being
// made wait for it instead of making their own.
class Http2Pool {
 public:
  // `limits` apply to the heads and trailers of responses. `queue` holds the requests that wait for
  // connections; null without a limit.
  Http2Pool(EventLoop& loop, Milliseconds idle_timeout, const Http2Windows& windows,
            const http::h1::HeadLimits& limits, ConnectionQueue* queue)
      : loop_(loop),
        idle_timeout_(idle_timeout),
        windows_(windows),
        limits_(limits),
        queue_(queue),
        waiters_(loop) {}
  ~Http2Pool();

  // Opens a stream for a request; null when no connection has room. `reused` is set when the connection has
  // carried other requests before.
  std::unique_ptr<http::h2::Channel> open(bool& reused);
  // Takes ownership of a new connection on which the target speaks HTTP/2.
  void add(std::unique_ptr<Http2Connection> connection);
  // Each connection ends after its last request.
  void retire();
  // Other workers wait for connections: a connection that has served here for kTurn accepts no more requests,
  // and ends after its present ones.
  void give_way();
  // Closes a connection without requests; false when there is none.
  bool close_one_idle();

  // Held by the request that makes a connection, while the others wait. When it is released without a
  // connection or a failure, because its client has left, one of the waiting requests makes the connection.
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
  // The number of failed attempts.
  size_t failures() const { return failures_; }
  // co_await while another request connects: waits until it has finished; false after the timeout.
  auto wait(Milliseconds timeout) { return waiters_.wait(timeout); }

 private:
  friend class Http2Connection;

  // The min time that a connection is used here before another worker may take its place.
  static constexpr Milliseconds kTurn{100};
  static constexpr uint32_t kMaxStreams = 100;  // on one connection; more requests use another connection
  uint32_t max_streams() const;

  EventLoop& loop_;
  Milliseconds idle_timeout_;
  Http2Windows windows_;
  http::h1::HeadLimits limits_;
  // The target's limit of streams on the last connection. A new connection uses it until the target has sent
  // its settings.
  uint32_t known_streams_ = kMaxStreams;
  ConnectionQueue* queue_;
  bool connecting_ = false;
  bool retired_ = false;
  size_t failures_ = 0;
  IntrusiveList<Http2Connection, Http2Pool> connections_;
  WaitList waiters_;
};

}  // namespace portcullis::upstream
