#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "http/input_buffer.h"
#include "http/message_body.h"
#include "http/relay.h"
#include "proxy/exchange_state.h"

namespace portcullis::proxy {

// The state that is kept from one try to the next.
struct Retained {
  http::InputBuffer replay{};  // the whole body of the request, when it must be sent again
  unsigned refusals = 0;       // how often an HTTP/2 target has not processed the request
  // The body of a request of which no byte has been sent, with its stages and all they have read, and the
  // part of it that comes from the client. Null when the next try begins with the first byte of the body.
  std::unique_ptr<http::BodySource> unsent{};
  http::MessageBody* unsent_from_client = nullptr;
};

// The body of the request in one try. The body is sent while the gateway waits for the response, because the
// target may answer before it has read the whole body. A part of an Attempt.
class Upload {
 public:
  // Both references outlive this object.
  Upload(ExchangeState& state, Retained& retained) : state_(state), retained_(retained) {}

  // Prepares the body for the target that `to`, which outlives this object, sends to.
  void prepare(const http::MessageStream& to);
  // Begins to send: `sending` awaits the sending of body(), and then calls note_end().
  void begin(Task<void> sending) {
    is_done_ = false;
    sending_.spawn(std::move(sending));
  }
  void note_end(const http::RelayResult& result) {
    result_ = result;
    is_done_ = true;
  }
  // Stops the sending.
  void stop() { sending_.clear(); }
  // Waits until the sending has ended.
  Task<void> join() { co_await sending_.join(); }

  // True when the request has a body.
  bool has_body() const { return body_ != nullptr; }
  http::BodySource& body() { return *body_; }
  // The body as it comes from the client; null when the request has no body, or when it is held in memory.
  http::MessageBody* from_client() { return from_client_; }
  // True when the client waits for a 100 (Continue) before it sends the body, and a stage holds the head back
  // until the body arrives.
  bool waits_for_continue() const;
  // Keeps the body for the next try, when a stage that waits for the client holds the head back. The caller
  // knows that no byte of the request has been sent. False when the body cannot be kept.
  [[gnu::cold]] bool keep_for_next_try();
  // Counts that a target has not processed the request. False when the request must not be sent once more.
  [[gnu::cold]] bool survives_refusal();

  // True when the whole request has been sent, or the sending has failed, as result() says.
  bool is_done() const { return is_done_; }
  const http::RelayResult& result() const { return result_; }
  bool source_failed() const { return result_.source.kind != http::BodyFailure::Kind::kNone; }
  // True when the whole body has been read.
  bool is_read() const { return is_done_ && (from_client_ == nullptr || from_client_->complete()); }
  // The target has got the whole request, so that the next bytes on the connection can be another request.
  bool is_sent() const { return is_done_ && result_.ok(); }
  // The bytes that the client has sent behind the request. The whole request must have been read.
  std::string_view behind() const { return from_client_ != nullptr ? from_client_->rest() : state_.unread(); }

 private:
  ExchangeState& state_;
  Retained& retained_;
  std::unique_ptr<http::BodySource> body_;    // null when the request has no body
  http::MessageBody* from_client_ = nullptr;  // a part of `body_`
  bool is_done_ = true;
  http::RelayResult result_;
  TaskGroup sending_;
};

}  // namespace portcullis::proxy
