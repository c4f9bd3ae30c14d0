#include "proxy/attempt.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "proxy/parse_reason.h"
#include "proxy/request_fields.h"

namespace portcullis::proxy {

using http::BodyKind;
using http::HeadState;

namespace {

// How long the gateway waits for a target before it begins to watch a client's connection that is not watched
// yet. Most targets answer sooner, and then no system call is needed.
constexpr Milliseconds kUnwatched{100};

// What metrics and traces say of a try.
telemetry::TryResult result_of(TryOutcome outcome) {
  using telemetry::TryResult;
  switch (outcome) {
    case TryOutcome::kAnswered:
    case TryOutcome::kBadAnswer:
    case TryOutcome::kNotConverted: return TryResult::kAnswered;
    case TryOutcome::kConnectFailed: return TryResult::kConnectFailed;
    case TryOutcome::kTimedOut: return TryResult::kTimedOut;
    case TryOutcome::kClientGone: return TryResult::kAbandoned;
    case TryOutcome::kStaleConnection:
    case TryOutcome::kFailed:
    case TryOutcome::kOverloaded: break;
  }
  return TryResult::kFailed;
}

}  // namespace

Milliseconds time_left_until(Clock::time_point deadline, const EventLoop& loop) {
  return deadline == Clock::time_point::max() ? Milliseconds::max() : time_until(deadline, loop);
}

Attempt::Attempt(ExchangeState& state, upstream::Upstream& upstream, upstream::Target& target,
                 Retained& retained, const ResponseDeadline& deadline)
    : state_(state),
      upstream_(upstream),
      target_(target),
      deadline_(deadline),
      // The round's beginning is true enough for balancers; what the gateway took since then is only told
      // while it is measured, or recorded for a trace.
      started_(state.worker.measures() || state.trace.records() ? Clock::now() : state.worker.loop().now()),
      sent_(state.worker.loop().now()),
      span_(state.trace.begin_try(target, upstream.definition().name, started_)),
      in_flight_(target),
      upload_(state, retained) {}

TryOutcome Attempt::fail(const EndReason& why) {
  failure_ = &why;
  return TryOutcome::kFailed;
}

Milliseconds Attempt::time_left() const {
  return time_left_until(deadline_.at, state_.worker.loop());
}

bool Attempt::take_connection(Via via) {
  connection_ = via == Via::kFreshConnection ? target_.make_fresh() : target_.take();
  if (!connection_->stream.is_open()) return false;
  message_ = connection_->open_message();
  return true;
}

Task<TryOutcome> Attempt::connect() {
  Introduction introduction;
  if (upstream_.definition().proxy_protocol != upstream::ProxyProtocol::kNone)
    introduction = state_.introduction();
  Connector connector(state_.worker.loop(), state_.worker.index(), deadline_.at, introduction);
  Task<ConnectOutcome> connecting = connector.connect(upstream_, target_, connection_);
  const ConnectOutcome outcome = co_await connecting;
  if (outcome != ConnectOutcome::kConnected) {
    failure_ = &connector.failure();
    if (!connector.detail().empty()) state_.context.remarks.note = connector.detail();
    co_return outcome == ConnectOutcome::kOverloaded ? TryOutcome::kOverloaded : TryOutcome::kConnectFailed;
  }
  message_ = connection_->open_message();
  co_return TryOutcome::kAnswered;
}

// The target may have closed a pooled connection while the request was written.
TryOutcome Attempt::sending_failed(int error) {
  if (connection_->reused() && may_repeat()) return TryOutcome::kStaleConnection;
  return fail(reason_of_broken_stream(error));
}

Task<TryOutcome> Attempt::run(Via via, http::ResponseHead& out) {
  if (!take_connection(via)) {
    Task<TryOutcome> connecting = connect();
    const TryOutcome connected = co_await connecting;
    if (connected != TryOutcome::kAnswered) co_return connected;
  }
  upload_.prepare(*message_);
  Task<TryOutcome> asking = ask(out);
  co_return co_await asking;
}

Task<TryOutcome> Attempt::ask(http::ResponseHead& out) {
  if (state_.watch.gone()) co_return TryOutcome::kClientGone;
  const bool has_body = upload_.has_body();
  if (has_body && upload_.waits_for_continue()) {
    Task<bool> telling = tell_to_continue();
    if (!co_await telling) co_return TryOutcome::kClientGone;
  }
  const http::RequestHead& head = state_.request.head;
  const auto fields = [this](http::HeadWriter& lines) { write_request_fields(lines, state_, span_); };
  const http::RequestToSend request{
      .head = head,
      .scheme = upstream_.definition().tls ? "https" : "http",
      .authority = state_.request.authority_at_target(),
      .path = state_.request.target_path,
      .takes_trailers = takes_trailers(head.fields),
      .expected_size = state_.client.message.head_size() + 1024,
      .patience = std::min(upstream_.definition().timeouts.connect, time_left()),
      .fields = fields};
  has_begun_ = state_.context.was_sent = true;
  const Milliseconds timeout = std::min(state_.settings->timeouts.send, time_left());
  Task<IoResult> sending =
      has_body ? message_->begin(request, timeout) : message_->send_whole(request, {}, timeout);
  const IoResult sent = co_await sending;
  if (sent.error == ETIMEDOUT && time_left().count() == 0) co_return TryOutcome::kTimedOut;
  if (!sent.ok()) co_return sending_failed(sent.error);
  if (has_body) {
    upload_.begin(send_body());
  } else {
    sent_ = state_.worker.loop().now();
  }
  Task<TryOutcome> reading = read_head(out);
  co_return co_await reading;
}

// Sends the 100 (Continue) of the gateway: the target gets the head only after a stage has seen a part of the
// body. False when the client has left.
Task<bool> Attempt::tell_to_continue() {
  Task<IoResult> telling = state_.client.message.send_continue();
  const IoResult told = co_await telling;
  if (told.error == ETIMEDOUT) state_.record.ended = &kEnds.send_timeout;
  if (!told.ok()) co_return false;
  state_.request.head.fields.remove(http::FieldId::kExpect);
  co_return true;
}

Task<void> Attempt::send_body() {
  Task<http::RelayResult> relaying =
      http::relay_body(upload_.body(), *message_, state_.settings->timeouts.send);
  const http::RelayResult sent = co_await relaying;
  upload_.note_end(sent);
  sent_ = state_.worker.loop().now();
  // The timeout of the response begins: read_head() asks patience() again when its present wait has ended.
  if (awaits_head_) connection_->stream.hurry_reader(std::min(patience(), kUnwatched));
  // A target that stops reading may have answered already; only the client's failures end the exchange.
  if (upload_.source_failed()) connection_->stream.cancel();
  state_.watch.look_again();
}

// The time left for the response's head. The timeout of the response begins when the request has been sent;
// until then, the timeouts of the upload apply.
Milliseconds Attempt::patience() const {
  if (!upload_.is_done()) return time_left();
  const Milliseconds response_timeout = upstream_.definition().timeouts.response;
  return std::min(time_until(sent_ + response_timeout, state_.worker.loop()), time_left());
}

// The size of the block for a response's head and the beginning of its body: at most as much as may wait for
// the client. For an HTTP/2 client at most what the connection has room for, but enough for most heads.
size_t Attempt::block_size() const {
  const size_t size = state_.settings->limits.send_buffer;
  return std::clamp(state_.client.message.room(), std::min(size, Block::kMedium), size);
}

Task<TryOutcome> Attempt::read_head(http::ResponseHead& out) {
  // After an interim response the timeout begins anew.
  if (has_head_) sent_ = state_.worker.loop().now();
  bool is_watched = state_.client.message.watched();
  for (;;) {
    const HeadState state = message_->next_head(state_.request.head.method, out);
    switch (state) {
      case HeadState::kComplete: has_head_ = true; co_return TryOutcome::kAnswered;
      case HeadState::kIncomplete: break;
      case HeadState::kMalformed: co_return fail(reason_of_bad_response(message_->head_error()));
      case HeadState::kRefused: co_return ask_elsewhere();
      default:
        if (message_->end_error() == ETIMEDOUT) co_return TryOutcome::kTimedOut;
        if (message_->breach() == http::MessageStream::Breach::kMalformed)
          co_return fail(kEnds.upstream_malformed);
        if (!has_head_ && message_->received().empty() && connection_->reused() &&
            (may_repeat() || (message_->holds_head() && upload_.keep_for_next_try())))
          co_return TryOutcome::kStaleConnection;
        co_return fail(reason_of_broken_stream(message_->end_error()));
    }
    const Milliseconds max = patience();
    awaits_head_ = true;
    const IoResult ready = co_await message_->readable(is_watched ? max : std::min(max, kUnwatched));
    awaits_head_ = false;
    if (state_.watch.gone()) co_return TryOutcome::kClientGone;
    if (ready.error == ETIMEDOUT) {
      if (patience().count() == 0) co_return TryOutcome::kTimedOut;
      state_.watch.arrange();
      is_watched = true;
      continue;
    }
    if (!ready.ok()) co_return fail(reason_of_broken_stream(ready.error));
    // An exchange that waits holds no buffer, so it can use a large one when bytes have arrived.
    message_->receive(block_size());
  }
}

void Attempt::abandon() {
  upload_.stop();
  message_.reset();
  connection_.reset();
}

void Attempt::cancel() {
  if (connection_) connection_->stream.cancel();
}

// True when the request can safely be sent twice: it is idempotent and has no body.
bool Attempt::may_repeat() const {
  return state_.request.head.body.kind == BodyKind::kNone && is_idempotent(state_);
}

// The target has not processed the request: it has sent REFUSED_STREAM, or a GOAWAY that does not include the
// stream. Any request can then be sent again on another connection (RFC 9113 section 8.7).
TryOutcome Attempt::ask_elsewhere() {
  return upload_.survives_refusal() ? TryOutcome::kStaleConnection : fail(kEnds.upstream_refused);
}

void Attempt::note_final(const http::ResponseHead& out) {
  status_ = out.status;
  // The time of the loop's round may be earlier than the start of the try.
  latency_ = std::max(state_.worker.loop().now() - started_, Clock::duration::zero());
  target_.note_latency(latency_);
}

bool Attempt::is_target_to_blame(TryOutcome outcome) const {
  // The request's body has broken off, or a policy has refused it.
  if (outcome == TryOutcome::kFailed) return !upload_.source_failed();
  if (outcome != TryOutcome::kTimedOut && outcome != TryOutcome::kConnectFailed) return true;
  // The client has left less time than the configuration, or was slow with the body.
  if (deadline_.is_of_client && time_left().count() == 0) return false;
  return upload_.is_done() || connection_->stream.is_writing();
}

void Attempt::note_health(TryOutcome outcome) {
  if (!is_target_to_blame(outcome)) return;
  switch (outcome) {
    case TryOutcome::kAnswered:
    case TryOutcome::kBadAnswer:
    case TryOutcome::kNotConverted:
      if (contains(upstream_.definition().ejection.status, status_)) {
        target_.note_failure();
      } else {
        target_.note_success(latency_);
      }
      break;
    case TryOutcome::kTimedOut: target_.note_latency(state_.worker.loop().now() - started_); [[fallthrough]];
    case TryOutcome::kConnectFailed:
    case TryOutcome::kFailed: target_.note_failure(); break;
    case TryOutcome::kStaleConnection:
    case TryOutcome::kOverloaded:
    case TryOutcome::kClientGone: break;
  }
}

void Attempt::note(TryOutcome outcome) {
  using telemetry::TryResult;
  if (std::exchange(is_noted_, true)) return;
  note_health(outcome);
  const TryResult result = result_of(outcome);
  const bool has_answered = result == TryResult::kAnswered;
  Trace::end_try(std::exchange(span_, nullptr), result, has_answered ? nullptr : failure_,
                 has_answered ? status_ : uint16_t{0});
  if (outcome == TryOutcome::kOverloaded) return;  // the target has not been asked
  telemetry::TargetMetrics& metrics = *(*target_.definition().metrics)[state_.worker.index()];
  metrics.tries[static_cast<size_t>(result)].add();
  if (!has_answered) return;
  metrics.responses[std::min(status_ / 100u, 5u)].add();
  metrics.head.note(std::chrono::duration_cast<std::chrono::microseconds>(latency_));
}

Attempt::Parts Attempt::release() {
  return {std::move(in_flight_), std::move(connection_), std::move(message_)};
}

void Attempt::give_back() {
  message_.reset();
  if (!upload_.is_sent()) return connection_.reset();
  target_.give_back(std::move(connection_));
}

}  // namespace portcullis::proxy
