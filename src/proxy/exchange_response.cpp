// How an exchange passes on the response of a target.

#include <cerrno>
#include <utility>

#include "http/grpc.h"
#include "http/upgrade.h"
#include "proxy/convert_response.h"
#include "proxy/convert_stage.h"
#include "proxy/exchange.h"
#include "proxy/store_response.h"
#include "proxy/tunnel.h"

namespace portcullis::proxy {

using http::BodyKind;
using http::FieldId;

namespace {

// The trailers of gRPC have names of the service's own: its metadata.
bool is_grpc(const http::Fields& fields) {
  return http::grpc_form(fields.value_of("content-type")) != http::GrpcForm::kNone;
}

// A response with the status 205 has no content (RFC 9110 section 15.3.6), whatever the target sends.
void drop_content(http::ResponseHead& head) {
  if (head.body.kind != BodyKind::kNone) head.keep_alive = false;  // what the target sends is not read
  head.body = {};
  head.fields.remove(FieldId::kContentLength);
  head.fields.add("content-length", "0", FieldId::kContentLength);
}

}  // namespace

// The first head of a response has come: passes interim ones on, until the final one.
Task<TryOutcome> Exchange::receive() {
  Attempt& attempt = attempts_->current();
  http::ResponseHead& head = state_.response;
  while (head.status < 200 && head.status != 101) {
    if (state_.request.head.version != http::Version::kHttp10) {
      Task<IoResult> sending = reply_.send_interim();
      const IoResult sent = co_await sending;
      if (!sent.ok()) co_return TryOutcome::kClientGone;
    }
    Task<TryOutcome> reading = attempt.read_head(head);
    const TryOutcome read = co_await reading;
    if (read != TryOutcome::kAnswered) co_return read;
  }
  if (!attempts_->takes_final_head()) co_return TryOutcome::kBadAnswer;
  reply_.set_cookie(Reply::Cookie::kTarget, attempts_->cookie());
  if (head.status != 101 && state_.worker.measures()) state_.record.response_head = Clock::now();
  if (head.status == 205) drop_content(head);
  Task<TryOutcome> passing = head.status == 101 ? open_tunnel() : pass_on();
  co_return co_await passing;
}

// The final head has come.
Task<TryOutcome> Exchange::pass_on() {
  Attempt& attempt = attempts_->current();
  policy::Context& context = state_.context;
  http::ResponseHead& head = state_.response;
  const upstream::UpstreamDefinition& upstream = attempt.target().upstream();
  const size_t head_size = attempt.message().head_size();
  auto received = std::make_unique<MessageBody>(
      attempt.message(), attempt.message().received(),
      MessageBody::Settings{
          .framing = head.body,
          .timeout = upstream.response_timeout,
          .trailers = {.listed = &state_.settings.response_trailers, .metadata = is_grpc(head.fields)},
          .chunks = {.lenient = upstream.response_limits.lenient,
                     .trailer_size = upstream.response_limits.head_size},
          .block_size = state_.settings.send_buffer,
          .sink = &state_.client.message,
          .watch = &state_.watch});
  MessageBody& from_target = *received;
  std::unique_ptr<http::BodySource> body = std::move(received);
  if (context.converter) {
    Task<TryOutcome> converting =
        convert_response(*context.converter, state_, attempt, from_target, body, attempts_->time_left());
    const TryOutcome converted = co_await converting;
    if (converted != TryOutcome::kAnswered) co_return converted;
  }
  if (state_.watch.gone()) co_return TryOutcome::kClientGone;
  context.from_target = true;
  const bool keep_alive = head.keep_alive;  // a stored response takes the head's place
  chain_.respond();
  if (context.storing || context.serving) {
    Task<TryOutcome> answering = answer_from_store(from_target, std::move(body), keep_alive);
    co_return co_await answering;
  }
  if (state_.kind == ExchangeState::Kind::kErrand) {
    Task<void> leaving = leave_response(from_target);
    co_await leaving;
    co_return TryOutcome::kAnswered;
  }
  if (context.awaited) {
    // Nothing is stored, so the response is for this client alone after all.
    context.awaited = false;
    attempts_->watch();
  }
  if (context.encoder)
    body = std::make_unique<ConvertStage>(std::move(body), *context.encoder, state_.worker.loop(),
                                          &state_.watch);
  if (!attempt.upload_done()) reply_.close_after();
  from_target.keep(attempt.message().take_input());
  Task<RelayResult> sending = reply_.send(*body, head_size);
  const RelayResult sent = co_await sending;
  const EndReason& why = reason_of_broken_body(sent.source, &attempt.message(), attempt.upload_result());
  if (sent.untouched) co_return take_back(sent, why);
  state_.record.ended = &kEnds.complete;
  reply_.conclude(sent, why);
  if (!sent.ok()) co_return TryOutcome::kAnswered;
  const bool reusable = keep_alive && from_target.complete() && from_target.rest().empty() &&
                        attempt.request_is_read() && !state_.watch.gone();  // else it has been cancelled
  attempt.end_upload();
  if (reusable) attempt.give_back();
  co_return TryOutcome::kAnswered;
}

// A policy stores the response, or sends a stored one in its place.
Task<TryOutcome> Exchange::answer_from_store(MessageBody& from_target, std::unique_ptr<http::BodySource> body,
                                             bool keep_alive) {
  Attempt& attempt = attempts_->current();
  const bool is_reusable = keep_alive && attempt.request_is_read();
  attempt.end_upload();
  state_.watch.end();  // the response is stored also when its client has left
  if (state_.context.storing) {
    attempt.note(TryOutcome::kAnswered);  // while the target is certain to be there
    store_response(state_, attempt, from_target, std::move(body), chain_.take_stored_encoder(), is_reusable);
  } else if (from_target.complete() && from_target.rest().empty() && is_reusable) {
    attempt.give_back();
  }
  state_.record.ended = &kEnds.complete;
  if (state_.context.serving) {  // else this is an errand
    Task<void> sending = reply_.send_stored();
    co_await sending;
  }
  co_return TryOutcome::kAnswered;
}

// The response's body has failed before anything of it was sent: the client gets a whole answer of another
// kind.
TryOutcome Exchange::take_back(const RelayResult& sent, const EndReason& why) {
  Attempt& attempt = attempts_->current();
  reply_.take_back();
  if (sent.source.error == ETIMEDOUT) return TryOutcome::kTimedOut;
  if (sent.source.kind == http::BodyFailure::Kind::kOverloaded) {
    attempt.fail(why);
    return TryOutcome::kNotConverted;
  }
  return attempt.fail(&why == &kEnds.upstream_closed ? kEnds.upstream_closed_early : why);
}

// Nothing is kept of the response, and no client waits for it. A short body is read, so that the connection
// can be used again; a longer one is not worth what it takes, and its connection is closed.
Task<void> Exchange::leave_response(MessageBody& from_target) {
  static constexpr uint64_t kMaxDiscarded = 64 * 1024;
  Attempt& attempt = attempts_->current();
  state_.record.ended = &kEnds.complete;
  state_.record.status = state_.response.status;
  const http::BodyFraming& body = from_target.framing();
  const bool is_short = body.kind == BodyKind::kNone || (body.has_length() && body.length <= kMaxDiscarded);
  if (!is_short || !state_.response.keep_alive || !attempt.upload_done()) co_return;
  if (!from_target.complete()) {
    Task<RelayResult> discarding = discard_body(from_target);
    const RelayResult dropped = co_await discarding;
    if (!dropped.ok()) co_return;
  }
  if (from_target.rest().empty()) attempt.give_back();
}

// The target switches protocols: passes that on, and joins the two connections until the tunnel ends.
Task<TryOutcome> Exchange::open_tunnel() {
  Attempt& attempt = attempts_->current();
  state_.watch.end();  // both sides are read from now on
  // A 101 names the protocol that the connection switches to, and it is one that was asked for (RFC 9110
  // sections 7.8 and 15.2.2).
  bool named = false, asked = state_.request.head.wants_upgrade;
  http::for_each_upgrade(state_.response.fields, [&](std::string_view one) {
    named = true;
    asked = asked && http::names_upgrade(state_.request.head.fields, one);
  });
  if (!named || !asked) co_return attempt.fail(kEnds.upstream_unasked_upgrade);
  // What the client sends of the new protocol comes behind the whole request (RFC 9110 section 7.8).
  Task<void> uploading = attempt.finish_upload();
  co_await uploading;
  if (!attempt.request_is_read()) {
    const RelayResult& upload = attempt.upload_result();
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
