#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "http/message_body.h"
#include "proxy/connector.h"
#include "proxy/exchange_state.h"
#include "proxy/relay.h"

namespace portcullis::proxy {

using telemetry::EndReason;
using telemetry::kEnds;

// What became of a try: the response was passed on, or nothing reached the client and another target may be
// asked.
enum class TryOutcome : uint8_t {
  kAnswered,
  kConnectFailed,
  kStaleConnection,  // a pooled connection was closed, or the target did not look at the request
  kFailed,
  kTimedOut,
  kBadAnswer,     // a status for which the request is sent again
  kOverloaded,    // the upstream has enough to do
  kNotConverted,  // a target has answered, but there was no room, or no time, to convert its response
  kClientGone,
};

// What is kept from one try to the next.
struct Retained {
  http::InputBuffer replay{};  // the request's body, where all of it is to be sent again
  unsigned refusals = 0;       // by targets that speak HTTP/2, which have not looked at the request
};

// One try: the request is sent to one target, and its response is read. Ends when it is destroyed, which
// takes back what it has begun.
class Attempt : public Pooled {
 public:
  // What it refers to outlives this. `deadline`: for the head of the response.
  Attempt(ExchangeState& state, upstream::Upstream& upstream, upstream::Target& target, Retained& retained,
          Clock::time_point deadline);

  // Takes a connection of the pool, or one that is still to be opened. True when it is open.
  enum class Via : uint8_t { kPool, kFreshConnection };
  bool take_connection(Via via);
  // Opens the connection that take_connection() has found closed: kAnswered when it is open.
  [[gnu::cold]] Task<TryOutcome> connect();
  // Has the body of the request ready, once the connection is open.
  void prepare_body();
  // kAnswered when the request has been sent, or its body is on its way while the response is waited for.
  Task<TryOutcome> send();
  // kAnswered when the next head of the response has come: an interim one, or the final one.
  Task<TryOutcome> read_head(http::ResponseHead& out);
  // Takes back what has been begun: the connection is closed, and the request is not sent any more.
  [[gnu::cold]] void abandon();
  // Ends all waits for the target.
  void cancel();

  // `out` is a final response.
  void note_final(const http::ResponseHead& out);
  // Tells the target's health, the metrics and the trace how it has ended: once.
  void note(TryOutcome outcome);
  // Ends the sending of the request's body.
  void end_upload() { uploading_.clear(); }

  upstream::Target& target() { return target_; }
  upstream::Connection& connection() { return *connection_; }
  http::ClientStream& message() { return *message_; }
  // The body of the request as it comes from the client; null where there is none, or it is held in memory.
  http::MessageBody* body_from_client() { return from_client_; }
  // What the client has sent behind the request, which has been read whole.
  std::string_view behind_request() const {
    return from_client_ != nullptr ? from_client_->rest() : state_.unread();
  }
  // The whole request has been sent, or has failed on its way.
  bool upload_done() const { return upload_done_; }
  Task<void> finish_upload();
  const RelayResult& upload_result() const { return upload_result_; }
  // All of the request's body has been read.
  bool request_is_read() const {
    return upload_done_ && (from_client_ == nullptr || from_client_->complete());
  }
  // The request has been begun to be sent.
  bool has_begun() const { return has_begun_; }
  Clock::time_point started() const { return started_; }
  const EndReason* failure() const { return failure_; }
  [[gnu::cold]] TryOutcome fail(const EndReason& why);

  // For what goes on with the response when the exchange is over.
  struct Parts {
    upstream::InFlight in_flight;
    std::unique_ptr<upstream::Connection> connection;
    std::unique_ptr<http::ClientStream> message;
  };
  Parts release();
  // The connection can be used again.
  void give_back();

 private:
  bool waits_for_continue() const;
  Task<void> upload();
  Milliseconds patience() const;
  Milliseconds time_left() const;
  size_t block_size() const;
  [[gnu::cold]] TryOutcome ask_elsewhere();
  bool may_repeat() const;
  [[gnu::cold]] TryOutcome sending_failed(int error);
  void note_health(TryOutcome outcome);

  ExchangeState& state_;
  upstream::Upstream& upstream_;
  upstream::Target& target_;
  Retained& retained_;
  Clock::time_point deadline_;
  Clock::time_point started_;
  Clock::time_point sent_;     // the request has been sent, or the last interim response has come
  Clock::duration latency_{};  // to the head of the response
  uint16_t status_ = 0;        // of the target's response, whatever the client gets
  bool is_noted_ = false;      // note() has been called
  bool has_head_ = false;      // a head of the response has come
  bool upload_done_ = true;
  const EndReason* failure_ = nullptr;
  Trace::Span* span_;
  upstream::InFlight in_flight_;
  std::unique_ptr<upstream::Connection> connection_;
  std::unique_ptr<http::ClientStream> message_;
  std::unique_ptr<http::BodySource> body_;    // of the request; null: it has none
  http::MessageBody* from_client_ = nullptr;  // a part of `body_`
  bool has_begun_ = false;                    // the request has been begun to be sent
  RelayResult upload_result_;
  TaskGroup uploading_;
};

// The deadline's distance; the longest time where there is no deadline.
Milliseconds time_left_until(Clock::time_point deadline, const EventLoop& loop);

}  // namespace portcullis::proxy
