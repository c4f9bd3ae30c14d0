#include "proxy/exchange.h"

#include <cerrno>
#include <utility>

#include "proxy/fill_context.h"
#include "proxy/parse_reason.h"
#include "proxy/recorder.h"
#include "proxy/rehearsal_notes.h"
#include "proxy/rehearse.h"

namespace portcullis::proxy {

using http::HeadState;
using http::Persistence;

namespace {

void note_decision(telemetry::PolicyMetrics& metrics, policy::Decision::Kind kind) {
  switch (kind) {
    case policy::Decision::Kind::kContinue: metrics.continued.add(); break;
    case policy::Decision::Kind::kRefuse: metrics.refused.add(); break;
    default: metrics.answered.add();
  }
}

Task<bool> pause_for(EventLoop& loop, Milliseconds time) {
  co_await sleep_for(loop, time);
  co_return true;
}

}  // namespace

Exchange::Exchange(Client client)
    : state_(client, client.connection.worker(), client.connection.worker().current(),
             client.connection.shared_settings(), ExchangeState::Kind::kServed) {
  state_.context.request_body.limit = state_.settings->limits.body_size;
  state_.context.errands = this;
  state_.context.client.send_timeout = state_.settings->timeouts.send;
}

Exchange::~Exchange() {
  state_.context.response_body.clear();
  state_.response.fields.clear();  // the memory of the fields may have been released
  chain_.end();
  if (state_.kind != ExchangeState::Kind::kServed || !state_.record.has_request) return;
  tell_end(state_.record, state_.request, state_.context, *state_.snapshot->snapshot,
           state_.client.connection, state_.worker, state_.trace);
  if (HeadRing* ring = state_.worker.recorded(); ring != nullptr && state_.snapshot->snapshot->recording)
    record_head(captured_, state_, *ring);
}

Task<Persistence> Exchange::run() {
  Request& request = state_.request;
  WorkerContext& worker = state_.worker;
  state_.record.started = worker.loop().now();  // the beginning of the round in which the first bytes arrived
  Task<HeadState> reading = state_.client.message.read_head(request.head, request.arena);
  const HeadState read = co_await reading;
  if (read == HeadState::kEnded) co_return Persistence::kClose;  // the client has left
  note_head(read);
  if (read != HeadState::kComplete) {
    co_await reply_.refuse(reason_to_refuse(read));
    co_return Persistence::kClose;
  }
  screen_head(request, *state_.settings, state_.client.connection);
  choose_request_id(request, [&worker] { return worker.random(); });
  if (worker.canary() != nullptr && rehearsal_ == nullptr) [[unlikely]] {
    Task<bool> choosing = choose_revision();
    if (!co_await choosing) co_return Persistence::kClose;
  }
  const Snapshot& snapshot = *state_.snapshot->snapshot;
  if (snapshot.tracing && rehearsal_ == nullptr) state_.trace.begin(*snapshot.tracing, request, worker);

  if (worker.recorded() != nullptr && snapshot.recording)
    captured_ = snapshot.recording->capture(request.head, request.arena);

  const Prepared prepared = prepare(request, snapshot, *state_.settings, state_.client.connection);
  chain_.begin(*request.governing, prepared.policies);
  if (prepared.is_ambiguous) reply_.close_after();
  if (rehearsal_ != nullptr && !note_prepared(*rehearsal_, state_)) co_return Persistence::kClose;
  if (prepared.own_answer != OwnAnswer::kNone) {
    co_await reply_.answer_itself(prepared.own_answer);
    co_return persistence_after_answer();
  }
  if (worker.overloaded() && (prepared.refusal == nullptr || !chain_.empty())) {
    if (rehearsal_ == nullptr) worker.note_shed();
    co_await reply_.shed();
    co_return persistence_after_answer();
  }

  if (!chain_.empty() || (prepared.refusal == nullptr && request.route->split.needs_context()))
    fill_context(state_);
  if (!chain_.empty()) {
    const bool is_answered = co_await consult_policies();
    if (is_answered) co_return persistence_after_answer();
  }
  if (prepared.refusal != nullptr) {
    co_await reply_.refuse(*prepared.refusal);
    co_return persistence_after_answer();
  }
  if (request.route->split.empty()) {
    co_await reply_.refuse(kEnds.no_upstream);
    co_return persistence_after_answer();
  }
  if (rehearsal_ != nullptr) {
    note_forwarding(*rehearsal_, state_);
    co_return Persistence::kClose;
  }
  request.branch = &choose_branch();
  co_return co_await forward();
}

// Records that the reading of a request's head has ended.
void Exchange::note_head(HeadState read) {
  state_.record.has_request = true;
  state_.request.has_head = read == HeadState::kComplete || read == HeadState::kUnsupported;
  if (state_.worker.measures() && state_.request.has_head) state_.record.request_head = Clock::now();
}

const EndReason& Exchange::reason_to_refuse(HeadState read) const {
  if (read == HeadState::kTimedOut) return kEnds.head_timeout;
  if (read == HeadState::kUnsupported) return kEnds.protocol_not_supported;
  return reason_of_bad_request(state_.client.message.head_error());
}

// The connection must close when a body has not been read, because the start of the next request is then
// unknown.
Persistence Exchange::persistence_after_answer() {
  if (reply_.closes() || state_.body_pending()) return Persistence::kClose;
  state_.client.message.keep(state_.unread());
  return Persistence::kKeepAlive;
}

// Shows the request to the policies. True when a policy has answered, or when the client has left.
Task<bool> Exchange::consult_policies() {
  Request& request = state_.request;
  while (const PlacedPolicy* one = chain_.next()) {
    Task<bool> consulting = consult(*one);
    if (co_await consulting) co_return true;
  }
  request.target_path = state_.context.handling.target_path;
  request.client_values.drop(request.governing->owned_fields, request.head.fields);
  co_return false;
}

Task<bool> Exchange::consult(const PlacedPolicy& one) {
  using Decided = policy::Decision::Kind;
  if (state_.recorded != nullptr && note_unrecorded(*rehearsal_, state_, one)) co_return true;
  // A policy gets a span only in a trace that is reported in any case.
  Trace::Span* span = state_.trace.sampled() ? state_.trace.begin_span(one.name, Clock::now()) : nullptr;
  policy::Decision decision = one->on_request(state_.context);
  if (decision.kind == Decided::kSuspend) {
    Task<std::optional<policy::Decision>> settling =
        state_.unless_left(policy::settle(std::move(decision.later)));
    std::optional<policy::Decision> settled = co_await settling;
    if (!settled) {
      Trace::end_span(span, name_of(telemetry::TryResult::kAbandoned));
      state_.record.ended = &kEnds.client_closed;
      reply_.close_after();
      co_return true;
    }
    decision = std::move(*settled);
  }
  if (rehearsal_ == nullptr) {
    note_decision(*one.metrics[state_.worker.index()], decision.kind);
  } else {
    note_policy(*rehearsal_, state_, one, decision);
  }
  Trace::end_span(span, decision.reason == nullptr ? std::string_view("continued") : decision.reason->name);
  if (decision.kind == Decided::kContinue) co_return false;
  if (decision.kind == Decided::kUnknown) co_return true;
  state_.record.decided_by = one.name;
  if (decision.kind == Decided::kRefuse) {
    co_await reply_.refuse(decision);
    co_return true;
  }
  co_await reply_.answer(decision);
  co_return true;
}

// Chooses the branch of the route's split that gets the request.
const Branch& Exchange::choose_branch() {
  const Split& split = state_.request.route->split;
  if (const Branch* only = split.only()) return *only;
  const Clock::time_point now = state_.worker.loop().now();
  if (const Branch* wanted = split.by_condition(state_.context, now)) return *wanted;
  const auto known = split.known_place(state_.context);
  const uint32_t place = known ? *known : static_cast<uint32_t>(state_.worker.random());
  if (!known && !split.sticky().cookie.empty()) {
    const bool secure = state_.request.origin.scheme == "https";
    reply_.set_cookie(Reply::Cookie::kPlace,
                      write_place(split.sticky(), place, secure, state_.request.arena));
  }
  return split.by_place(place, now);
}

// Asks targets until one answers, or until the rules permit no further try.
Task<Persistence> Exchange::forward() {
  state_.context.route.branch = state_.request.branch->name;
  const auto place = state_.upstream().take(upstream::Load::kRequests);
  if (!place) {
    state_.context.failure = &kEnds.breaker_requests;
    co_await reply_.refuse(kEnds.breaker_requests);
    co_return persistence_after_answer();
  }
  attempts_.emplace(state_, chain_);
  attempts_->begin();
  if (attempts_->wants_body_held()) {
    Task<bool> holding = hold_body(state_.upstream().definition().retries.body_size);
    if (!co_await holding) co_return persistence_after_answer();
  }
  // A body of unknown length that a policy has held may be larger than the limits of the listener and the
  // route.
  const uint64_t limit = state_.context.request_body.limit;
  if (state_.held_body.held() && limit != 0 && state_.held_body.content().size() > limit) {
    co_await reply_.refuse(kEnds.body_too_large);
    co_return persistence_after_answer();
  }
  TryOutcome outcome = TryOutcome::kConnectFailed;
  for (;;) {
    if (!attempts_->choose()) {
      state_.context.failure = &kEnds.no_target;
      co_await reply_.refuse(kEnds.no_target);
      co_return persistence_after_answer();
    }
    Task<TryOutcome> asking = ask_target();
    outcome = co_await asking;
    if (outcome == TryOutcome::kClientGone) co_return Persistence::kClose;
    if (outcome == TryOutcome::kAnswered) break;
    const NextTry next = attempts_->next(outcome);
    if (next.step == NextTry::Step::kGiveUp) break;
    if (next.step != NextTry::Step::kRetry) continue;
    Task<std::optional<bool>> pausing = state_.unless_left(pause_for(state_.worker.loop(), next.pause));
    const std::optional<bool> paused = co_await pausing;
    if (!paused.has_value()) co_return Persistence::kClose;
  }
  if (outcome != TryOutcome::kAnswered && !reply_.begun()) {
    Task<Persistence> refusing = give_up(outcome);
    co_return co_await refusing;
  }
  co_return outcome == TryOutcome::kAnswered && !reply_.closes() ? Persistence::kKeepAlive
                                                                 : Persistence::kClose;
}

// Reads the whole of a small body into memory before the first try, so that a second try is possible. False
// when the client has got an answer, or has left.
Task<bool> Exchange::hold_body(size_t limit) {
  Task<policy::BodyState> holding = state_.held_body.hold(limit);
  switch (co_await holding) {
    case policy::BodyState::kHeld: co_return true;
    case policy::BodyState::kTimedOut: co_await reply_.refuse(kEnds.body_timeout); co_return false;
    case policy::BodyState::kTooLarge: co_await reply_.refuse(kEnds.body_too_large); co_return false;
    case policy::BodyState::kBroken: co_await reply_.refuse(kEnds.bad_chunk); co_return false;
    case policy::BodyState::kRefused: co_await reply_.refuse(*state_.held_body.refusal()); co_return false;
    case policy::BodyState::kGone:
      if (state_.held_body.refusal() != nullptr) state_.record.ended = state_.held_body.refusal();
      reply_.close_after();
      co_return false;
  }
  co_return false;
}

// One try: from the connection to a target to the end of its response.
Task<TryOutcome> Exchange::ask_target() {
  const ClientWatch::Scope watching(state_.watch);
  Task<TryOutcome> asking = attempts_->ask();
  TryOutcome outcome = co_await asking;
  if (outcome == TryOutcome::kAnswered) {
    Task<TryOutcome> receiving = receive();
    outcome = co_await receiving;
  }
  outcome = attempts_->end_try(outcome);
  if (outcome != TryOutcome::kAnswered) co_return outcome;
  Attempt& attempt = attempts_->current();
  if (attempt.upload().is_read()) {
    state_.client.message.keep(attempt.upload().behind());
  } else {
    reply_.close_after();  // a part of the request has not been read
  }
  co_return outcome;
}

// Tells the client why no target has answered.
Task<Persistence> Exchange::give_up(TryOutcome outcome) {
  const EndReason& failure = attempts_->failure();
  const http::RelayResult& upload = attempts_->upload_result();
  state_.context.failure = &failure;
  using Broken = http::BodyFailure::Kind;
  if (upload.source.reason != nullptr) {
    co_await reply_.refuse(*upload.source.reason);  // a policy has refused the body while it was sent
  } else if (upload.source.kind == Broken::kTooLarge) {
    co_await reply_.refuse(kEnds.body_too_large);
  } else if (upload.source.kind == Broken::kMalformed) {
    co_await reply_.refuse(kEnds.bad_chunk);
  } else if (upload.source.kind == Broken::kFailed && upload.source.error == ETIMEDOUT) {
    co_await reply_.refuse(kEnds.body_timeout);
  } else if (upload.source.kind == Broken::kClosed || upload.source.kind == Broken::kFailed) {
    co_return Persistence::kClose;  // the client has left
  } else if (attempts_->ended_by_total_timeout()) {
    co_await reply_.refuse(kEnds.total_timeout);
  } else if (outcome == TryOutcome::kOverloaded) {
    co_await reply_.refuse(failure);
  } else if (outcome == TryOutcome::kTimedOut) {
    co_await reply_.refuse(kEnds.response_timeout);
  } else if (outcome == TryOutcome::kNotConverted) {
    co_await reply_.refuse_with(503, failure, kEnds.overloaded);
  } else {
    const bool unreached = outcome == TryOutcome::kConnectFailed;
    co_await reply_.refuse_with(502, failure, unreached ? kEnds.connect_failed : kEnds.upstream_failed);
  }
  co_return persistence_after_answer();
}

Task<void> Exchange::rehearse(policy::Purpose purpose, const ReplayedRequest* replayed,
                              Rehearsal& rehearsal) {
  rehearsal_ = &rehearsal;
  rehearsal.revision = state_.snapshot->snapshot->revision;
  state_.kind = ExchangeState::Kind::kRehearsed;
  state_.context.purpose = purpose;
  state_.context.errands = nullptr;
  if (replayed != nullptr) {
    state_.recorded = &replayed->head;
    state_.context.replay = &replayed->replay;
    state_.request.doubt = &replayed->doubt;
  }
  Task<Persistence> running = run();
  co_await running;
  note_end(rehearsal, state_);
}

}  // namespace portcullis::proxy
