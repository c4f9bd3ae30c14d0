// How an exchange passes on the response of a target.

#include <cerrno>
#include <utility>

#include "http/grpc.h"
#include "http/read_body.h"
#include "http/upgrade.h"
#include "proxy/detached_body.h"
#include "proxy/exchange.h"
#include "proxy/tunnel.h"
#include "runtime/deadline.h"

namespace portcullis::proxy {

using http::BodyKind;
using http::FieldId;

namespace {

// True for a gRPC response. Its trailers include metadata, whose names the service chooses.
bool is_grpc(const http::Fields& fields) {
  return http::grpc_form(fields.value_of("content-type")) != http::GrpcForm::kNone;
}

// Destroys the body at the end of a scope, before the objects that the body refers to.
struct BodyScope {
  policy::ResponseBody& body;
  ~BodyScope() { body.clear(); }
};

// A response with the status 205 has no content (RFC 9110 section 15.3.6), whatever the target sends.
void drop_content(http::ResponseHead& head) {
  if (head.body.kind != BodyKind::kNone) head.keep_alive = false;  // the target's body is not read
  head.body = {};
  head.fields.remove(FieldId::kContentLength);
  head.fields.add("content-length", "0", FieldId::kContentLength);
}

bool is_interim(const http::ResponseHead& head) {
  return head.status < 200 && head.status != 101;
}

Task<TryOutcome> ended_with(TryOutcome outcome) {
  co_return outcome;
}

}  // namespace

// Processes the first head of a response. This function and take_final_head() are not coroutines, because a
// coroutine needs a frame and most responses begin with their final head.
Task<TryOutcome> Exchange::receive() {
  return is_interim(state_.response) ? receive_behind_interim() : take_final_head();
}

// Passes interim heads on until the final head arrives.
Task<TryOutcome> Exchange::receive_behind_interim() {
  Attempt& attempt = attempts_->current();
  http::ResponseHead& head = state_.response;
  while (is_interim(head)) {
    Task<IoResult> sending = reply_.send_interim();
    const IoResult sent = co_await sending;
    if (!sent.ok()) co_return TryOutcome::kClientGone;
    Task<TryOutcome> reading = attempt.read_head(head);
    const TryOutcome read = co_await reading;
    if (read != TryOutcome::kAnswered) co_return read;
  }
  Task<TryOutcome> taking = take_final_head();
  co_return co_await taking;
}

Task<TryOutcome> Exchange::take_final_head() {
  http::ResponseHead& head = state_.response;
  if (!attempts_->takes_final_head()) return ended_with(TryOutcome::kBadAnswer);
  reply_.set_cookie(Reply::Cookie::kTarget, attempts_->cookie());
  if (head.status == 101) return open_tunnel();
  if (state_.worker.measures()) state_.record.response_head = Clock::now();
  if (head.status == 205) drop_content(head);
  return pass_on();
}

// The body of the response whose head has arrived.
std::unique_ptr<http::MessageBody> Exchange::body_from_target() {
  const http::ResponseHead& head = state_.response;
  http::ClientStream& message = attempts_->current().message();
  const upstream::UpstreamDefinition& upstream = attempts_->current().target().upstream();
  return std::make_unique<http::MessageBody>(
      message, message.received(),
      http::MessageBody::Settings{
          .framing = head.body,
          .timeout = upstream.timeouts.response,
          .trailers = {.listed = &state_.settings->response_trailers, .metadata = is_grpc(head.fields)},
          .chunks = {.lenient = upstream.response_limits.lenient,
                     .trailer_size = upstream.response_limits.head_size},
          .block_size = state_.settings->limits.send_buffer,
          .sink = &state_.client.message});
}

// Passes on the response whose final head has arrived.
Task<TryOutcome> Exchange::pass_on() {
  Attempt& attempt = attempts_->current();
  policy::Context& context = state_.context;
  const size_t head_size = attempt.message().head_size();
  std::unique_ptr<http::MessageBody> received = body_from_target();
  http::MessageBody& from_target = *received;
  // A policy may put another response in the place of this one.
  const bool keep_alive = state_.response.keep_alive;
  DetachesBody detaches(state_, attempt, from_target, keep_alive);
  policy::ResponseBody& body = context.response_body;
  body.begin(std::move(received), detaches);
  const BodyScope clearing{body};
  context.from_target = true;
  policy::Decision decision = chain_.respond();
  if (decision.kind != policy::Decision::Kind::kContinue) {
    Task<std::optional<TryOutcome>> settling = settle_response(std::move(decision));
    const std::optional<TryOutcome> settled = co_await settling;
    if (settled) co_return *settled;
  }
  if (body.is_released() || body.is_replaced()) {
    Task<TryOutcome> serving = serve_in_place(from_target, keep_alive);
    co_return co_await serving;
  }
  if (state_.kind == ExchangeState::Kind::kErrand) {
    Task<void> leaving = leave_response(from_target);
    co_await leaving;
    co_return TryOutcome::kAnswered;
  }
  if (context.handling.outlives_client) {
    // The policies do not store the response, so only this client waits for it.
    context.handling.outlives_client = false;
    attempts_->watch();
  }
  if (!attempt.upload().is_done()) reply_.close_after();
  from_target.keep(attempt.message().take_input());
  Task<http::RelayResult> sending = reply_.send(body.source(), head_size);
  const http::RelayResult sent = co_await sending;
  co_return conclude(sent, from_target, keep_alive);
}

// Records how the sending of the target's response has ended, and gives the target's connection back.
TryOutcome Exchange::conclude(const http::RelayResult& sent, const http::MessageBody& from_target,
                              bool keep_alive) {
  Attempt& attempt = attempts_->current();
  const EndReason& why =
      sent.ok() ? kEnds.complete
                : reason_of_broken_body(sent.source, &attempt.message(), attempt.upload().result());
  if (sent.untouched) return take_back(sent, why);
  state_.record.ended = &kEnds.complete;
  reply_.conclude(sent, why);
  if (!sent.ok()) return TryOutcome::kAnswered;
  const bool reusable = keep_alive && from_target.complete() && from_target.rest().empty() &&
                        !state_.watch.gone();  // gone: the stream is cancelled
  attempt.upload().stop();
  if (reusable) attempt.give_back();
  return TryOutcome::kAnswered;
}

// Carries out decisions of policies that take time, or that put another response in the place of this one.
// Returns the outcome of the try, or nothing when the response is passed on.
Task<std::optional<TryOutcome>> Exchange::settle_response(policy::Decision decision) {
  using Decided = policy::Decision::Kind;
  Attempt& attempt = attempts_->current();
  policy::ResponseBody& body = state_.context.response_body;
  while (decision.kind == Decided::kSuspend) {
    Task<std::optional<policy::Decision>> waiting = unless_over(policy::settle(std::move(decision.later)));
    std::optional<policy::Decision> settled = co_await waiting;
    if (state_.watch.gone()) co_return TryOutcome::kClientGone;
    if (!settled) {
      const bool is_target_slow = body.waits_for_peer();
      reply_.take_back();
      attempt.fail(kEnds.total_timeout);
      // Otherwise the gateway was too slow with the response, and the target is not to blame.
      co_return is_target_slow ? TryOutcome::kTimedOut : TryOutcome::kNotConverted;
    }
    decision = std::move(*settled);
    if (decision.kind == Decided::kContinue) decision = chain_.respond();
  }
  if (decision.kind == Decided::kContinue) co_return std::nullopt;
  if (decision.kind == Decided::kBroken) {
    const http::BodyFailure& failure = body.failure();
    // A body that has been released owns the target's connection.
    const http::MessageStream* const message = body.has_connection() ? nullptr : &attempt.message();
    const EndReason& why = reason_of_broken_body(failure, message, attempt.upload().result());
    co_return take_back({.source = failure}, why);
  }
  Task<void> answering = reply_.answer_in_place(decision);
  co_await answering;
  co_return TryOutcome::kAnswered;
}

// The decision of `task` about the response; nothing when the client leaves first, or when the time for the
// response ends first.
Task<std::optional<policy::Decision>> Exchange::unless_over(Task<policy::Decision> task) {
  UnlessLeft<policy::Decision> waiting(state_.worker.loop(), std::move(task));
  const Deadline deadline(state_.worker.loop(), attempts_->time_left(), [&waiting] { waiting.give_up(); });
  if (!waiting.done()) {
    attempts_->watch([&waiting] { waiting.give_up(); });
    state_.watch.arrange();
  }
  std::optional<policy::Decision> decided = co_await waiting;
  attempts_->watch();
  co_return decided;
}

// Sends the response when a policy has released the target's body, or has replaced it by another one.
Task<TryOutcome> Exchange::serve_in_place(const http::MessageBody& from_target, bool keep_alive) {
  Attempt& attempt = attempts_->current();
  policy::ResponseBody& body = state_.context.response_body;
  if (!attempt.upload().is_read()) reply_.close_after();  // the rest of the request is still on its way
  if (!body.has_connection()) {
    attempt.upload().stop();
    state_.watch.end();
    const bool is_whole = keep_alive && from_target.complete() && from_target.rest().empty();
    body.drop_retired();  // its stages may hold much memory, and the client may take long
    if (is_whole) {
      state_.keep_response_head();
      attempt.give_back();
    }
  }
  state_.record.ended = &kEnds.complete;
  if (state_.kind == ExchangeState::Kind::kErrand) co_return TryOutcome::kAnswered;  // no client waits
  if (!body.is_replaced()) policy::set_length(state_.context, 0);
  Task<void> serving = reply_.serve();
  co_await serving;
  co_return TryOutcome::kAnswered;
}

// Drops the response whose body has failed before any byte of the response was sent. The client gets another
// response.
TryOutcome Exchange::take_back(const http::RelayResult& sent, const EndReason& why) {
  Attempt& attempt = attempts_->current();
  reply_.take_back();
  if (sent.source.error == ETIMEDOUT) return TryOutcome::kTimedOut;
  if (sent.source.kind == http::BodyFailure::Kind::kOverloaded) {
    attempt.fail(why);
    return TryOutcome::kNotConverted;
  }
  return attempt.fail(&why == &kEnds.upstream_closed ? kEnds.upstream_closed_early : why);
}

// Drops a response that no policy keeps and for which no client waits. A short body is read, so that the
// connection can be used again; with a longer body the connection is closed, because a new one costs less.
Task<void> Exchange::leave_response(http::MessageBody& from_target) {
  static constexpr uint64_t kMaxDiscarded = 64 * 1024;
  Attempt& attempt = attempts_->current();
  state_.record.ended = &kEnds.complete;
  state_.record.status = state_.response.status;
  const http::BodyFraming& body = from_target.framing();
  const bool is_short = body.kind == BodyKind::kNone || (body.has_length() && body.length <= kMaxDiscarded);
  if (!is_short || !state_.response.keep_alive || !attempt.upload().is_sent()) co_return;
  if (!from_target.complete()) {
    Task<bool> discarding = http::discard_body(from_target);
    if (!co_await discarding) co_return;
  }
  if (from_target.rest().empty()) attempt.give_back();
}

// The target switches protocols: tells the client so, and joins the two connections until the tunnel ends.
Task<TryOutcome> Exchange::open_tunnel() {
  Attempt& attempt = attempts_->current();
  state_.watch.end();  // the tunnel reads from both sides
  // A 101 must name the new protocol of the connection, and the client must have asked for that protocol (RFC
  // 9110 sections 7.8 and 15.2.2).
  bool named = false, asked = state_.request.head.wants_upgrade;
  http::for_each_upgrade(state_.response.fields, [&](std::string_view one) {
    named = true;
    asked = asked && http::names_upgrade(state_.request.head.fields, one);
  });
  if (!named || !asked) co_return attempt.fail(kEnds.upstream_unasked_upgrade);
  // The bytes of the new protocol follow the whole request (RFC 9110 section 7.8).

  Task<void> uploading = attempt.upload().join();
  co_await uploading;
  if (!attempt.upload().is_sent()) {
    const http::RelayResult& upload = attempt.upload().result();
    co_return attempt.fail(
        reason_of_broken_stream(upload.sink_failed ? upload.sink_error : upload.source.error));
  }
  const bool websocket = http::names_upgrade(state_.response.fields, "websocket");
  Task<IoResult> switching = reply_.switch_protocols();
  const IoResult switched = co_await switching;
  if (switched.ok()) {
    Task<void> joining = run_tunnel(state_, attempt, websocket);
    co_await joining;
  }
  co_return TryOutcome::kAnswered;
}

}  // namespace portcullis::proxy
