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

// The status of the answer to a request whose body has broken off. Nothing when the client has gone.
std::optional<uint16_t> status_for_broken_body(const BodyFailure& failure) {
  using Kind = BodyFailure::Kind;
  if (failure.kind == Kind::kTooLarge) return 413;
  if (failure.kind == Kind::kMalformed) return http::h1::status_for(failure.malformed);
  if (failure.kind == Kind::kFailed && failure.error == ETIMEDOUT) return 408;
  return std::nullopt;
}

}  // namespace

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

  http::MessageBody body(message, message.received(),
                         {.framing = head.body,
                          .timeout = limits.body_timeout,
                          .limit = limits.body_size,
                          .block_size = Block::kLarge});
  std::string kept;
  Task<BodyFailure> reading = read_body(message, head, body, kept);
  const BodyFailure failure = co_await reading;
  if (failure.kind != BodyFailure::Kind::kNone) {
    const std::optional<uint16_t> status = status_for_broken_body(failure);
    if (!status) co_return After::kClose;
    answer.status = *status;
    head.keep_alive = false;
  } else {
    unlink();
    const ServerRequest request{head, kept, body.bytes(), peer_};
    Task<ServerAnswer> answering = service_.handler(request);
    answer = co_await answering;
  }
  Task<After> sending = send(message, head, std::move(answer));
  const After after = co_await sending;
  if (after == After::kNextRequest) message.keep(body.rest());
  co_return after;
}

// Reads the body of a request to its end, and adds its bytes to `kept` when the handler receives them.
// Returns why the body has broken off.
Task<BodyFailure> HttpConnection::read_body(http::h1::ServerMessageStream& message,
                                            const http::RequestHead& head, http::BodySource& source,
                                            std::string& kept) const {
  const uint64_t max = service_.limits.body_size;
  if (max != 0 && head.body.has_length() && head.body.length > max)
    co_return BodyFailure{.kind = BodyFailure::Kind::kTooLarge};
  if (head.expects_continue && head.body.kind != BodyKind::kNone && message.received().empty()) {
    const IoResult sent = co_await message.send_continue();
    if (!sent.ok()) co_return BodyFailure{.kind = BodyFailure::Kind::kClosed};
  }
  bool ended = false;
  Task<bool> reading =
      max != 0 ? http::collect_body(source, kept, http::ReadUntil::kEnd, ended) : http::discard_body(source);
  (void)co_await reading;
  co_return source.failure();
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
