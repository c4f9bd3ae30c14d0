#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "http/body_source.h"
#include "http/read_body.h"
#include "http/text_body.h"

namespace portcullis::policy {

// The body of a response while the policies see the response: a body that a target sends, or a text of the
// gateway. A policy may put a stage behind the body, receive the whole of the body, put another body in its
// place, or take it away. The stages run in the order in which they were put, when the body is sent. On the
// thread of the worker; owned by the exchange.
class ResponseBody {
 public:
  // A body that goes on when its exchange has ended.
  struct Released {
    std::unique_ptr<http::BodySource> body;
    Milliseconds timeout{0};  // of the target: max time between two parts of the body
  };
  // Makes the body of a target independent of the exchange.
  class Owner {
   public:
    virtual std::unique_ptr<http::BodySource> release(std::unique_ptr<http::BodySource> body) = 0;
    // Max time between two parts of the body.
    virtual Milliseconds timeout() const = 0;

   protected:
    ~Owner() = default;
  };

  ResponseBody() = default;
  ResponseBody(const ResponseBody&) = delete;
  ResponseBody& operator=(const ResponseBody&) = delete;

  // For policies.

  // Puts the stage that `make(body)` returns behind the body. A stage that changes the length of the body
  // also needs forget_length() for the head.
  template <typename Make>
  void pass_through(Make&& make) {
    source_ = std::forward<Make>(make)(take());
    is_changed_ = true;
  }
  // Puts another body in the place of this one. The policy sets the head.
  void replace(std::unique_ptr<http::BodySource> body) {
    retire();
    source_ = std::move(body);
    is_replaced_ = true;
  }
  // Puts a text in the place of this body.
  void replace(std::string text) {
    retire();
    content_ = std::move(text);
    text_ = content_;
    is_held_ = is_changed_ = true;
  }
  // Takes the body of a target away. The body has all that it needs, so it may be read when the exchange has
  // ended. The policy puts another body in its place, or leaves the response without one.
  Released release();
  // Receives the whole body into memory, at most `limit` bytes; text() then returns the body. False when the
  // body breaks off or is too large: failure() says why. A body that has been received has no trailers.
  Task<bool> hold(size_t limit);
  // Receives the first bytes of the body, and gives them before the rest. `ended` is set when the body has
  // been received whole; hold() then takes no time. False when the body breaks off.
  Task<bool> hold_beginning(bool& ended);
  // The body is only for this client, because a policy lacked the memory to change it as it usually does: it
  // must not be stored for other requests.
  void forbid_storing() { may_be_stored_ = false; }
  bool may_be_stored() const { return may_be_stored_; }
  // The body, when it is a text of the gateway, or after hold(); until a stage is put behind it.
  std::string_view text() const { return text_; }
  const http::BodyFailure& failure() const { return source_->failure(); }

  // For the exchange.

  // The response has the body that a target sends. `owner` outlives it.
  void begin(std::unique_ptr<http::BodySource> source, Owner& owner) {
    clear();
    source_ = std::move(source);
    owner_ = &owner;
  }
  // The response has the body `text`, which outlives it.
  void begin(std::string_view text) {
    clear();
    text_ = text;
  }
  void clear();
  bool is_changed() const { return is_changed_; }
  bool is_replaced() const { return is_replaced_; }
  bool is_released() const { return is_released_; }
  // The body has been released together with the target's connection.
  bool has_connection() const { return has_connection_; }
  // A policy receives the body, and waits for the target meanwhile.
  bool waits_for_peer() const { return is_awaited_ && source_ && source_->waits_for_peer(); }
  // The exchange has looked at the end of the body that has been replaced.
  void drop_retired() { retired_.reset(); }
  // The body as it is sent: with all stages.
  http::BodySource& source() {
    if (!source_) source_ = take();
    return *source_;
  }
  // The body is not needed any more: a wait for it ends soon.
  void cancel() {
    if (source_) source_->cancel();
  }

 private:
  std::unique_ptr<http::BodySource> take();
  // Keeps the body that the response began with, which is not read any more: the exchange looks at its end.
  void retire() {
    if (retired_) {
      source_.reset();
    } else {
      retired_ = std::move(source_);
    }
  }

  std::unique_ptr<http::BodySource> retired_;
  std::string content_;
  std::string_view text_;
  std::unique_ptr<http::BodySource> source_;  // null for a text that passes no stage
  Owner* owner_ = nullptr;                    // not null for the body of a target
  bool is_held_ = false;                      // the text is `content_`
  bool is_changed_ = false;
  bool is_replaced_ = false;
  bool is_released_ = false;
  bool has_connection_ = false;
  bool may_be_stored_ = true;
  bool is_awaited_ = false;  // hold() or hold_beginning() has begun, and has not ended
};

}  // namespace portcullis::policy
