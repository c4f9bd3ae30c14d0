#include "control/http_connection.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "base/arena.h"
#include "http/date.h"
#include "http/linger.h"
#include "http/message_body.h"
#include "http/read_body.h"
#include "http/relay.h"

namespace portcullis::control {

using http::BodyFailure;
using http::BodyKind;
using http::HeadState;

namespace {

// How the reading of a body that has broken off is answered.
BodyOutcome outcome_of(const BodyFailure& failure) {
  using Kind = BodyFailure::Kind;
  if (failure.kind == Kind::kTooLarge) return {.status = 413};
  if (failure.kind == Kind::kMalformed) return {.status = http::h1::status_for(failure.malformed)};
  if (failure.kind == Kind::kFailed && failure.error == ETIMEDOUT) return {.status = 408};
  return {};
}

}  // namespace

bool KeptBody::add(http::BodyPart& part) {
  if (part.size > service_.limits.body_total - std::min(service_.limits.body_total, service_.body_bytes))
    return false;
  for (const iovec& run : part.runs.pieces()) text_ += http::text_of(run);
  service_.body_bytes += part.size;
  return true;
}

HttpConnection::HttpConnection(HttpService& service, UniqueFd fd, std::string peer)
    : service_(service), stream_(service.loop, std::move(fd)), peer_(std::move(peer)) {}

void HttpConnection::leave_if_idle(Milliseconds patience) {
  if (is_idle_) stream_.hurry_reader(patience);
}

Task<void> HttpConnection::serve() {
  const HttpLimits& limits = service_.limits;
  EventLoop& loop = service_.loop;
  wait_in_line();
  Clock::time_point deadline = loop.now() + limits.head_timeout;
  if (service_.greeting) {
    Task<bool> greeting = service_.greeting(stream_);
    if (!co_await greeting) co_return;
  }
  After after = After::kNextRequest;
  while (after == After::kNextRequest) {
    if (!linked()) wait_in_line();
    if (input_.empty()) {
      const bool has_begun = co_await wait_for_request(deadline);
      if (!has_begun) co_return;
    }
    deadline = std::min(deadline, loop.now() + limits.head_timeout);
    after = co_await serve_request(time_until(deadline, loop));
    deadline = loop.now() + (service_.is_closing ? kLastCall : limits.idle_timeout);
  }
  if (after == After::kClose) co_return;
  wait_in_line();
  static constexpr Milliseconds kMaxWait{10'000};
  Task<void> lingering = http::linger(stream_, input_, service_.is_closing ? kLastCall : kMaxWait);
  co_await lingering;
}

// Waits for the first bytes of a request without holding memory for them. False when the client has left, or
// `deadline` has passed.
Task<bool> HttpConnection::wait_for_request(Clock::time_point deadline) {
  for (;;) {
    input_.release();
    is_idle_ = true;
    const IoResult ready = co_await stream_.readable(time_until(deadline, service_.loop));
    is_idle_ = false;
    if (!ready.ok()) co_return false;
    input_.block = Block::take(Block::kMedium);
    const IoResult got = stream_.try_read(input_.block.data(), input_.block.capacity());
    if (got.error == EAGAIN) continue;
    input_.end = got.bytes;
    co_return got.ok() && got.bytes > 0;
  }
}

Task<HttpConnection::After> HttpConnection::serve_request(Milliseconds head_timeout) {
  const HttpLimits& limits = service_.limits;
  http::h1::ServerMessageStream message(stream_, input_, {limits.head, head_timeout, limits.send_timeout});
  http::RequestHead head;
  Arena arena;
  const HeadState read = co_await message.read_head(head, arena);
  if (read == HeadState::kEnded || (read == HeadState::kTimedOut && input_.empty())) co_return After::kClose;
  ServerAnswer answer;
  if (read != HeadState::kComplete) {
    answer.status = read == HeadState::kTimedOut ? 408 : http::h1::status_for(message.head_error());
    head.keep_alive = false;
    Task<After> refusing = send(message, head, std::move(answer));
    co_return co_await refusing;
  }

  HttpAdmission admission{.max_body = limits.body_size};
  if (service_.hooks.admit) admission = service_.hooks.admit(head, peer_);
  http::MessageBody body(message, message.received(),
                         {.framing = head.body,
                          .timeout = limits.body_timeout,
                          .limit = admission.max_body,
                          .block_size = Block::kLarge});
  KeptBody kept(service_);
  BodyOutcome outcome{.complete = true};
  if (!admission.refusal || head.body.kind == BodyKind::kNone) {
    Task<BodyOutcome> reading = read_body(message, head, body, admission.max_body, kept);
    outcome = co_await reading;
  } else {
    head.keep_alive = false;  // the body is not read
  }
  if (!outcome.complete) {
    if (outcome.status == 0) co_return After::kClose;
    answer = refuse(outcome.status, head);
    head.keep_alive = false;
  } else if (admission.refusal) {
    answer = std::move(*admission.refusal);
  } else {
    unlink();
    const ServerRequest request{head, kept.text(), body.bytes(), peer_};
    Task<ServerAnswer> answering = service_.handler(request);
    answer = co_await answering;
  }
  Task<After> sending = send(message, head, std::move(answer));
  const After after = co_await sending;
  if (after == After::kNextRequest) message.keep(body.rest());
  co_return after;
}

ServerAnswer HttpConnection::refuse(uint16_t status, const http::RequestHead& head) const {
  return service_.hooks.refuse ? service_.hooks.refuse(status, head) : ServerAnswer{.status = status};
}

// Reads the body of a request to its end, and adds its bytes to `kept` when the handler receives them.
Task<BodyOutcome> HttpConnection::read_body(http::h1::ServerMessageStream& message,
                                            const http::RequestHead& head, http::BodySource& source,
                                            uint64_t max, KeptBody& kept) const {
  if (max != 0 && head.body.has_length() && head.body.length > max) co_return BodyOutcome{.status = 413};
  if (head.expects_continue && head.body.kind != BodyKind::kNone && message.received().empty()) {
    const IoResult sent = co_await message.send_continue();
    if (!sent.ok()) co_return BodyOutcome{};
  }
  http::BodyPart part;
  source.head_sent();
  do {
    Task<bool> reading = http::read_part(source, part);
    if (!co_await reading) co_return outcome_of(source.failure());
    if (max != 0 && !kept.add(part)) co_return BodyOutcome{.status = 503};
  } while (!part.last);
  co_return BodyOutcome{.complete = true};
}

Task<HttpConnection::After> HttpConnection::send(http::h1::ServerMessageStream& message,
                                                 const http::RequestHead& asked, ServerAnswer answer) {
  http::ResponseHead head;
  head.status = answer.status;
  head.reason = http::reason_phrase(answer.status);
  head.body = {answer.stream ? BodyKind::kChunked : BodyKind::kLength, answer.body.size()};
  const BodyKind kind = message.kind_of_body(head);
  const bool closes = !asked.keep_alive || service_.is_closing || kind == BodyKind::kUntilClose;
  const bool to_head_request = asked.method == "HEAD";
  const auto fields = [&](http::HeadWriter& out) {
    out.field("date", http::current_date());
    out.field("content-type", answer.content_type);
    if (kind == BodyKind::kLength) out.number_field("content-length", answer.body.size());
    out.field("cache-control", "no-store");
    out.write(answer.fields);
  };
  const http::ResponseToSend response{
      .head = head, .body = kind, .to_head_request = to_head_request, .closes = closes, .fields = fields};

  bool sent;
  if (answer.stream && !to_head_request && kind != BodyKind::kNone) {
    unlink();
    message.begin(response);
    Task<http::RelayResult> relaying =
        http::relay_body(*answer.stream, message, service_.limits.stream_timeout);
    sent = (co_await relaying).ok();
  } else {
    answer.stream.reset();
    if (!linked()) wait_in_line();
    const bool has_body = !to_head_request && kind == BodyKind::kLength;
    const std::string_view body = has_body ? std::string_view(answer.body) : std::string_view();
    sent = (co_await message.send_whole(response, body)).ok();
  }
  if (!sent) co_return After::kClose;
  co_return closes ? After::kLinger : After::kNextRequest;
}

}  // namespace portcullis::control
