// How an exchange asks its upstream: the tries, and the request's way to a target.

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/hash.h"
#include "base/wall_clock.h"
#include "http/grpc.h"
#include "http/query.h"
#include "proxy/connector.h"
#include "proxy/exchange.h"

namespace portcullis::proxy {

using http::BodyKind;
// Asks targets until one answers or it would be wrong to go on.
Task<Persistence> Exchange::forward() {
  upstream::Upstream& upstream = this->upstream();
  const upstream::UpstreamDefinition& definition = upstream.definition();
  if (definition.total_timeout.count() > 0) deadline_ = worker_.loop().now() + definition.total_timeout;
  if (const http::Field* timeout = is_grpc_call() ? request_.fields.find("grpc-timeout") : nullptr) {
    if (const auto patience = http::parse_grpc_timeout(timeout->value))
      deadline_ = std::min(deadline_, worker_.loop().now() + *patience);
  }
  const auto place = upstream.take(upstream::Load::kRequests);
  if (!place) {
    context_.failure = &kEnds.breaker_requests;
    co_await refuse(kEnds.breaker_requests);
    co_return persistence_after_answer();
  }
  if (definition.hedging.delay.count() > 0) upstream.hedge_budget().note_request(worker_.loop().now());
  if (definition.retries.attempts > 0) upstream.retry_budget().note_request(worker_.loop().now());
  if (definition.retries.attempts > 0 || definition.hedging.delay.count() > 0) {
    if (!co_await hold_for_retries(definition)) co_return persistence_after_answer();
  }
  if (context_.mirrors != nullptr) prepare_mirroring();
  TryOutcome outcome = TryOutcome::kConnectFailed;
  bool fresh = false;
  upstream::Target* target = nullptr;
  size_t unreachable = 0;
  for (;;) {
    // A pooled connection may have been closed as we wrote to it: the same target, on a new one.
    if (!fresh) target = choose_target(upstream);
    if (target == nullptr) {
      context_.failure = &kEnds.no_target;
      co_await refuse(kEnds.no_target);
      co_return persistence_after_answer();
    }
    tried_ |= upstream.bit_of(*target);
    target_ = target;
    ++tries_;
    in_flight_ = upstream::InFlight(*target);
    outcome = co_await try_target(upstream, *target, fresh);
    end_wait();
    target = target_;  // a hedge's, perhaps
    // Whatever the wait for the target has ended with.
    if (client_watch_.gone() && outcome != TryOutcome::kAnswered) outcome = TryOutcome::kClientGone;
    note_try(*target, outcome);
    if (outcome == TryOutcome::kAnswered) break;
    if (outcome == TryOutcome::kClientGone) co_return Persistence::kClose;
    if (outcome == TryOutcome::kOverloaded || outcome == TryOutcome::kNotConverted) break;
    fresh = outcome == TryOutcome::kStaleConnection;
    if (fresh) continue;
    if (outcome == TryOutcome::kConnectFailed) {
      // Nothing has been sent: another target costs nobody anything.
      if (++unreachable < upstream.target_count() && time_left().count() > 0) continue;
      break;
    }
    if (outcome != TryOutcome::kBadAnswer && !grant_retry(upstream, outcome)) break;
    Task<std::optional<bool>> pausing = unless_left(wait_before_retry(retry_pause_));
    const std::optional<bool> paused = co_await pausing;
    if (!paused.has_value()) co_return Persistence::kClose;
  }
  if (mirrored_) mirror();
  if (outcome != TryOutcome::kAnswered && !answered_) {
    Task<Persistence> refused = give_up(outcome);
    co_return co_await refused;
  }
  co_return outcome == TryOutcome::kAnswered&& request_.keep_alive && !close_client_ ? Persistence::kKeepAlive
                                                                                     : Persistence::kClose;
}

// Tells the client why nobody has answered.
Task<Persistence> Exchange::give_up(TryOutcome outcome) {
  if (failure_ == nullptr) failure_ = &kEnds.upstream_failed;
  context_.failure = failure_;
  if (upload_result_.outcome == RelayOutcome::kSourceTooLarge) {
    co_await refuse(kEnds.body_too_large);
  } else if (upload_result_.outcome == RelayOutcome::kSourceMalformed) {
    co_await refuse(kEnds.bad_chunk);
  } else if (upload_result_.error == ETIMEDOUT && upload_result_.outcome == RelayOutcome::kSourceFailed) {
    co_await refuse(kEnds.body_timeout);
  } else if (upload_result_.outcome == RelayOutcome::kSourceClosed ||
             upload_result_.outcome == RelayOutcome::kSourceFailed) {
    co_return Persistence::kClose;  // the client is gone
  } else if (outcome == TryOutcome::kOverloaded) {
    co_await refuse(*failure_);
  } else if (time_left().count() == 0) {
    co_await refuse(kEnds.total_timeout);
  } else if (outcome == TryOutcome::kTimedOut) {
    co_await refuse(kEnds.response_timeout);
  } else if (outcome == TryOutcome::kNotConverted) {
    co_await refuse_with(503, *failure_, kEnds.overloaded);
  } else {
    const bool unreached = outcome == TryOutcome::kConnectFailed;
    co_await refuse_with(502, *failure_, unreached ? kEnds.connect_failed : kEnds.upstream_failed);
  }
  co_return persistence_after_answer();
}

// The target for the next try: the one that the client's cookie names, or the balancer's.
upstream::Target* Exchange::choose_target(upstream::Upstream& upstream) {
  const upstream::UpstreamDefinition& definition = upstream.definition();
  if (!definition.sticky.name.empty() && tries_ == 0) {
    if (const auto value = http::find_cookie(request_.fields, definition.sticky.name)) {
      visit_ = read_sticky(definition, *value, current_second());
      http::remove_cookie(request_.fields, definition.sticky.name, arena_);
    }
  }
  if (visit_) {
    if (upstream::Target* target = upstream.find(branch_->subset, visit_->target, tried_)) return target;
  }
  if (!sought_) {
    const std::string_view key =
        branch_->hash_key ? branch_->hash_key->text_of(context_) : std::string_view();
    sought_ = key.empty() ? upstream.random() : hash_bytes(key);
  }
  return upstream.pick(branch_->subset, {tried_, *sought_});
}

// Has the response tell the client to come back to this target.
void Exchange::keep_with(const upstream::UpstreamDefinition& upstream, const upstream::Target& target) {
  if (upstream.sticky.name.empty() || (visit_ && visit_->target == target.id() && !visit_->worn)) return;
  set_cookie_ = write_sticky(upstream, target.id(), origin_.scheme == "https", current_second(), arena_);
}

Exchange::TryOutcome Exchange::fail(const EndReason& why) {
  failure_ = &why;
  return TryOutcome::kFailed;
}

// The targets have been waited for until now: the response's head is here, or none will come of this try.
void Exchange::end_wait() {
  if (asked_at_ == Clock::time_point{}) return;
  waited_ += std::max(worker_.loop().now() - asked_at_, Clock::duration::zero());
  asked_at_ = {};
}

void Exchange::note_health(upstream::Target& target, TryOutcome outcome) {
  const std::vector<uint16_t>& failures = target.upstream().ejection.statuses;
  switch (outcome) {
    case TryOutcome::kAnswered:
    case TryOutcome::kBadAnswer:
    case TryOutcome::kNotConverted:
      if (std::binary_search(failures.begin(), failures.end(), received_status_)) {
        target.note_failure();
      } else {
        target.note_success(try_latency_);
      }
      break;
    case TryOutcome::kTimedOut: target.note_latency(worker_.loop().now() - try_started_); [[fallthrough]];
    case TryOutcome::kConnectFailed:
    case TryOutcome::kFailed: target.note_failure(); break;
    case TryOutcome::kStaleConnection:
    case TryOutcome::kOverloaded:
    case TryOutcome::kClientGone: break;
  }
}

void Exchange::note_try(upstream::Target& target, TryOutcome outcome) {
  note_health(target, outcome);
  if (trace_ != nullptr) end_try_span(outcome);
  if (outcome == TryOutcome::kOverloaded) return;  // it has not been asked
  using telemetry::TryResult;
  TryResult result = TryResult::kFailed;
  if (outcome == TryOutcome::kAnswered || outcome == TryOutcome::kBadAnswer ||
      outcome == TryOutcome::kNotConverted)
    result = TryResult::kAnswered;
  if (outcome == TryOutcome::kConnectFailed) result = TryResult::kConnectFailed;
  if (outcome == TryOutcome::kTimedOut) result = TryResult::kTimedOut;
  if (outcome == TryOutcome::kClientGone) result = TryResult::kAbandoned;
  telemetry::TargetMetrics& metrics = *(*target.definition().metrics)[worker_.index()];
  metrics.tries[static_cast<size_t>(result)].add();
  if (result != TryResult::kAnswered) return;
  metrics.responses[std::min(received_status_ / 100u, 5u)].add();
  metrics.head.note(std::chrono::duration_cast<std::chrono::microseconds>(try_latency_));
}

void Exchange::end_try_span(TryOutcome outcome) {
  switch (outcome) {
    case TryOutcome::kAnswered:
    case TryOutcome::kNotConverted: return end_span(trace_->try_span, "answered", received_status_);
    case TryOutcome::kBadAnswer: return end_span(trace_->try_span, "bad_answer", received_status_);
    case TryOutcome::kTimedOut: return end_span(trace_->try_span, "timed_out");
    case TryOutcome::kClientGone: return end_span(trace_->try_span, "client_gone");
    default: return end_span(trace_->try_span, failure_ != nullptr ? failure_->name : std::string_view());
  }
}

Task<Exchange::TryOutcome> Exchange::try_target(upstream::Upstream& upstream, upstream::Target& target,
                                                bool fresh) {
  request_sent_ = worker_.loop().now();
  // The round's beginning is true enough for balancers; what the gateway took since then is only told while
  // it is measured.
  try_started_ = asked_at_ = worker_.measures() ? Clock::now() : request_sent_;
  if (trace_ != nullptr) {
    trace_->try_span = begin_span("try");
    if (trace_->try_span != nullptr) trace_->try_span->target = &target;
  }
  std::unique_ptr<upstream::Connection> connection = fresh ? target.make_fresh() : target.take();
  if (!connection->stream.is_open()) {
    Task<std::optional<TryOutcome>> connecting = unless_left(connect(upstream, target, connection));
    const std::optional<TryOutcome> connected = co_await connecting;
    if (!connected) co_return TryOutcome::kClientGone;
    if (*connected != TryOutcome::kAnswered) co_return *connected;
  }

  extended_connect_ = false;
  // An extended CONNECT has no body before its tunnel (RFC 8441 section 5).
  if (connection->channel != nullptr && request_.wants_upgrade && request_.body.kind == BodyKind::kNone &&
      names_upgrade(request_.fields, "websocket")) {
    Task<bool> asking = connection->channel->takes_extended_connect(upstream.definition().connect_timeout);
    extended_connect_ = co_await asking;
  }
  HeadWriter head(head_size_ + 1024);
  if (connection->channel == nullptr) write_request_head(head);
  BodySource body{.stream = client_.stream,
                  .framing = request_.body,
                  .received = held_body_.held() ? held_body_.content()
                              : replay_.block   ? replay_.content()
                                                : unread(),
                  .timeout = settings_.body_timeout,
                  .limit = context_.body_limit,
                  .copy = mirrored_ && !held_body_.held() ? &mirrored_->body : nullptr,
                  .trailers = {.listed = &settings_.request_trailers},
                  .chunks = {.trailer_size = settings_.head_limits.head_size},
                  .channel = held_body_.held() ? nullptr : client_.channel};
  if (body.copy != nullptr) body.copy->clear();
  if (request_.body.kind == BodyKind::kNone) {
    body.rest = unread();
    body.complete = true;
  }
  sending_ = &body;
  const ClientWatch::Scope watching(client_watch_);
  watch_client(connection, body);
  if (client_watch_.gone()) co_return TryOutcome::kClientGone;
  upload_result_ = {};
  if (connection->channel != nullptr) {
    Task<IoResult> sending = send_http2_request(*connection);
    const IoResult sent = co_await sending;
    if (!sent.ok()) {
      co_return connection->reused() && may_repeat() ? TryOutcome::kStaleConnection
                                                     : fail(reason_of_broken_stream(sent.error));
    }
  }
  TaskGroup upload;
  if (request_.body.kind == BodyKind::kNone) {
    iovec piece = head.piece();
    IoResult sent;
    if (connection->channel == nullptr)
      sent = co_await connection->stream.write(std::span(&piece, 1), settings_.send_timeout);
    if (!sent.ok()) {
      co_return connection->reused() && may_repeat() ? TryOutcome::kStaleConnection
                                                     : fail(reason_of_broken_stream(sent.error));
    }
    request_sent_ = worker_.loop().now();
  } else {
    // The body flows while we already listen: the target may answer before it has read it all.
    upload_done_ = false;
    upload.spawn(upload_body(head.text(), body, *connection));
  }
  const TryOutcome outcome = co_await receive_response(connection, body, upload);
  if (outcome == TryOutcome::kStaleConnection) {
    if (body.reads == 1) replay_ = std::move(body.more);
    co_return outcome;
  }
  request_bytes_ += body.bytes;
  if (outcome != TryOutcome::kAnswered) co_return outcome;
  if (!upload_done_ || !body.complete) {
    close_client_ = true;  // the rest of the request is still on its way
  } else {
    keep_rest(held_body_.held() ? held_body_.rest() : body.rest);
  }
  co_return outcome;
}

// When the client leaves, what the target is asked for is given up, and so is what is being made of its
// answer; unless others wait for the answer.
void Exchange::watch_client(std::unique_ptr<upstream::Connection>& connection, const BodySource& request) {
  if (context_.awaited) return;
  const std::string_view behind = held_body_.held() ? held_body_.rest() : std::string_view();
  client_watch_.begin(
      [this, &connection] {
        if (connection) connection->stream.cancel();
        if (context_.converter) context_.converter->give_up();
      },
      &request, behind);
}

Task<bool> Exchange::wait_before_retry(Milliseconds time) {
  co_await sleep_for(worker_.loop(), time);
  co_return true;
}

// What the client has sent behind its request, as far as that has been received. Behind a body of which a
// part is still to come there is nothing.
std::string_view Exchange::behind_request() const {
  std::string_view rest = unread();
  if (held_body_.held() || client_.channel != nullptr) return rest;
  if (request_.body.has_length())
    return rest.substr(static_cast<size_t>(std::min<uint64_t>(request_.body.length, rest.size())));
  if (request_.body.kind != BodyKind::kChunked) return rest;
  http::h1::ChunkedDecoder decoder(http::h1::ChunkRules{.trailer_size = settings_.head_limits.head_size});
  std::string_view data;
  while (!rest.empty()) {
    using Result = http::h1::ChunkedDecoder::Result;
    const Result result = decoder.next(rest, data);
    if (result == Result::kDone || result == Result::kFailed) break;
  }
  return rest;
}

// kAnswered when there is a connection.
Task<Exchange::TryOutcome> Exchange::connect(upstream::Upstream& upstream, upstream::Target& target,
                                             std::unique_ptr<upstream::Connection>& connection) {
  Introduction introduction;
  if (upstream.definition().proxy_protocol != upstream::ProxyProtocol::kNone)
    introduction = Introduction::of(client_.connection, origin_.client);
  Connector connector(worker_.loop(), worker_.index(), deadline_, introduction);
  const ConnectOutcome outcome = co_await connector.connect(upstream, target, connection);
  if (outcome == ConnectOutcome::kConnected) co_return TryOutcome::kAnswered;
  failure_ = &connector.failure();
  if (!connector.detail().empty()) context_.note = connector.detail();
  co_return outcome == ConnectOutcome::kOverloaded ? TryOutcome::kOverloaded : TryOutcome::kConnectFailed;
}

Task<void> Exchange::upload_body(std::string_view head, BodySource& body, upstream::Connection& connection) {
  const BodyKind kind = connection.channel == nullptr ? upload_kind() : BodyKind::kStream;
  upload_result_ = co_await relay_message(
      head, body, {connection.stream, kind, settings_.send_timeout, connection.channel});
  upload_done_ = true;
  request_sent_ = worker_.loop().now();
  // A target that stops reading may have answered already; only the client's failures end the exchange.
  const bool client_failed = upload_result_.outcome != RelayOutcome::kComplete &&
                             upload_result_.outcome != RelayOutcome::kSinkFailed;
  if (client_failed) connection.stream.cancel();
  client_watch_.look_again();
}

// What the client has sent and nobody has taken: the body's beginning, or what follows a held one.
std::string_view Exchange::unread() const {
  if (held_body_.held()) return held_body_.rest();
  return client_.channel != nullptr ? std::string_view() : client_.input.content().substr(head_size_);
}

// Moves what the client sent beyond this request to where the next exchange looks for it.
void Exchange::keep_rest(std::string_view rest) {
  if (client_.channel != nullptr) return;
  InputBuffer& input = client_.input;
  const char* begin = input.block.data();
  if (rest.empty()) {
    input.begin = input.end = 0;
  } else if (rest.data() >= begin && rest.data() < begin + input.block.capacity()) {
    input.begin = static_cast<size_t>(rest.data() - begin);
  } else {
    Block block = Block::take(std::max(rest.size(), Block::kMedium));
    std::memcpy(block.data(), rest.data(), rest.size());
    spent_ = std::exchange(input.block, std::move(block));
    input.begin = 0;
    input.end = rest.size();
  }
}

}  // namespace portcullis::proxy
