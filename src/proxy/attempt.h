#pragma once

#include <cstdint>
#include <memory>

#include "proxy/connector.h"
#include "proxy/exchange_state.h"
#include "proxy/upload.h"

namespace portcullis::proxy {

using telemetry::EndReason;
using telemetry::kEnds;

// How a try, or a step of a try, has ended. Unless a try ends with kAnswered, no final response has reached
// the client.
enum class TryOutcome : uint8_t {
  kAnswered,
  kConnectFailed,
  kStaleConnection,  // a pooled connection was closed, or the target has not processed the request
  kFailed,
  kTimedOut,
  kBadAnswer,     // the response has a status for which the request is sent again
  kOverloaded,    // a limit of the upstream's circuit breaker is reached
  kNotConverted,  // a target has answered, but there was no room, or no time, to convert its response
  kClientGone,
};

// The time by which the head of a response must arrive.
struct ResponseDeadline {
  Clock::time_point at = Clock::time_point::max();
  bool is_of_client = false;  // the client has chosen it (grpc-timeout)
};

// One try: the request is sent to one target, and the target's response is read. The destructor ends the try:
// it stops the sending of the request, and closes a connection that was not given back.
class Attempt : public Pooled {
 public:
  // All references outlive this object. `deadline` is the time by which the response's head must arrive.
  Attempt(ExchangeState& state, upstream::Upstream& upstream, upstream::Target& target, Retained& retained,
          const ResponseDeadline& deadline);

  // Takes a connection from the pool, or makes one that is not open yet. True when the connection is open.
  enum class Via : uint8_t { kPool, kFreshConnection };
  bool take_connection(Via via);
  // Opens the connection, when take_connection() has returned false. kAnswered when the connection is open.
  [[gnu::cold]] Task<TryOutcome> connect();
  // Sends the request, and reads the first head of the response, interim or final, into `out`. kAnswered when
  // the head has arrived. The body of the request may still be sent then.
  Task<TryOutcome> ask(http::ResponseHead& out);
  // Reads the next head of the response into `out`, when the one before was an interim one.
  Task<TryOutcome> read_head(http::ResponseHead& out);
  // A whole try, from the connection to the head.
  Task<TryOutcome> run(Via via, http::ResponseHead& out);
  // Ends the try: stops the sending of the request, and closes the connection.
  [[gnu::cold]] void abandon();
  // Makes all waits for the target end.
  void cancel();

  // Records the status and the latency of `out`, the head of a final response.
  void note_final(const http::ResponseHead& out);
  // Reports the outcome of the try to the target's health, the metrics and the trace. Only the first call has
  // an effect.
  void note(TryOutcome outcome);

  upstream::Target& target() { return target_; }
  http::ClientStream& message() { return *message_; }
  // The body of the request. Prepare it when the connection is open, before ask().
  Upload& upload() { return upload_; }
  // True when the sending of the request has begun.
  bool has_begun() const { return has_begun_; }
  Clock::time_point started() const { return started_; }
  const EndReason* failure() const { return failure_; }
  // True when note_final() has been called.
  bool has_final_head() const { return status_ != 0; }
  [[gnu::cold]] TryOutcome fail(const EndReason& why);

  // The parts that are needed to read the response after the end of the exchange.
  struct Parts {
    upstream::InFlight in_flight;
    std::unique_ptr<upstream::Connection> connection;
    std::unique_ptr<http::ClientStream> message;
  };
  Parts release();
  // Returns the connection to its pool. Closes it when a part of the request was not sent: the target would
  // take the next request for the rest of this one.
  void give_back();

 private:
  [[gnu::cold]] Task<bool> tell_to_continue();
  Task<void> send_body();
  Milliseconds patience() const;
  Milliseconds time_left() const;
  size_t block_size() const;
  [[gnu::cold]] TryOutcome ask_elsewhere();
  bool may_repeat() const;
  [[gnu::cold]] TryOutcome sending_failed(int error);
  bool is_target_to_blame(TryOutcome outcome) const;
  void note_health(TryOutcome outcome);

  ExchangeState& state_;
  upstream::Upstream& upstream_;
  upstream::Target& target_;
  ResponseDeadline deadline_;
  Clock::time_point started_;
  Clock::time_point sent_;     // when the request was sent, or when the last interim response arrived
  Clock::duration latency_{};  // the time to the head of the final response
  uint16_t status_ = 0;        // the status of the target's response; the client may get another one
  bool is_noted_ = false;      // note() has been called
  bool has_head_ = false;      // a head of the response has arrived
  bool awaits_head_ = false;   // read_head() waits for the target
  const EndReason* failure_ = nullptr;
  Trace::Span* span_;
  upstream::InFlight in_flight_;
  std::unique_ptr<upstream::Connection> connection_;
  std::unique_ptr<http::ClientStream> message_;
  bool has_begun_ = false;  // the sending of the request has begun
  Upload upload_;           // destroyed before the connection that it uses
};

// The time until `deadline`; Milliseconds::max() when `deadline` is Clock::time_point::max(), no deadline.
Milliseconds time_left_until(Clock::time_point deadline, const EventLoop& loop);

}  // namespace portcullis::proxy
