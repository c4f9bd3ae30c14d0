#include "proxy/attempts.h"

#include <algorithm>
#include <utility>

#include "http/grpc.h"
#include "proxy/hedge_race.h"
#include "proxy/request_fields.h"

namespace portcullis::proxy {

Attempts::Attempts(ExchangeState& state, const PolicyChain& chain)
    : state_(state),
      chain_(chain),
      upstream_(state.upstream()),
      choice_(upstream_, state.request, state.context) {}

Attempts::~Attempts() = default;

void Attempts::begin() {
  const upstream::UpstreamDefinition& definition = upstream_.definition();
  const Clock::time_point now = state_.worker.loop().now();
  if (definition.timeouts.total.count() > 0) deadline_.at = now + definition.timeouts.total;
  const http::Field* timeout = nullptr;
  if (state_.request.is_grpc_call(state_.context.handling.grpc_error_type.has_value()))
    timeout = state_.request.head.fields.find("grpc-timeout");
  if (timeout != nullptr) {
    if (const auto patience = http::parse_grpc_timeout(timeout->value))
      if (now + *patience < deadline_.at) deadline_ = {now + *patience, true};
  }
  if (definition.hedging.delay.count() > 0) upstream_.hedge_budget().note_request(now);
  if (definition.retries.attempts > 0) upstream_.retry_budget().note_request(now);
}

bool Attempts::wants_body_held() const {
  const upstream::UpstreamDefinition& definition = upstream_.definition();
  if (definition.retries.attempts == 0 && definition.hedging.delay.count() == 0) return false;
  const http::BodyFraming& body = state_.request.head.body;
  // A body of unknown length is streamed, so it can be sent only once.
  return body.has_length() && body.length <= definition.retries.body_size && !state_.held_body.held();
}

std::unique_ptr<Attempt> Attempts::make_attempt(upstream::Target& target) {
  choice_.note_asked(target);
  ++state_.record.tries;
  return std::make_unique<Attempt>(state_, upstream_, target, retained_, deadline_);
}

bool Attempts::choose() {
  // When the target has closed a pooled connection, the next try asks the same target on a new connection.
  if (!on_fresh_connection_) target_ = choice_.next();
  return target_ != nullptr;
}

// Not a coroutine, because a coroutine needs a frame and most tries find an open connection.
Task<TryOutcome> Attempts::ask() {
  current_ = make_attempt(*target_);
  // The target may not exist any more when the log line of the exchange is written.
  state_.record.target = state_.request.arena.copy(target_->definition().name);
  state_.record.asked = current_->started();
  const auto via = on_fresh_connection_ ? Attempt::Via::kFreshConnection : Attempt::Via::kPool;
  return current_->take_connection(via) ? ask_connected() : connect_and_ask();
}

Task<TryOutcome> Attempts::connect_and_ask() {
  Task<std::optional<TryOutcome>> connecting = state_.unless_left(current_->connect());
  const std::optional<TryOutcome> connected = co_await connecting;
  if (!connected) co_return TryOutcome::kClientGone;
  if (*connected != TryOutcome::kAnswered) co_return *connected;
  Task<TryOutcome> asking = ask_connected();
  co_return co_await asking;
}

Task<TryOutcome> Attempts::ask_connected() {
  current_->upload().prepare(current_->message());
  watch();
  return may_hedge() ? race() : current_->ask(state_.response);
}

// When the client leaves, all waits for the targets end, and so does the conversion of a response by a
// policy. When other clients wait for the response too, nothing ends.
void Attempts::watch(ClientWatch::GiveUp give_up) {
  if (state_.context.handling.outlives_client) return;
  // While the body is still arriving, nothing has been received behind it.
  const bool is_whole = current_->upload().from_client() == nullptr;
  const std::string_view behind = is_whole ? state_.unread() : std::string_view();
  if (!give_up) give_up = [this] { cancel(); };
  state_.watch.begin(std::move(give_up), current_->upload().from_client(), behind);
}

void Attempts::cancel() {
  if (current_) current_->cancel();
  if (race_ != nullptr) race_->cancel();
  state_.context.response_body.cancel();
}

bool Attempts::takes_final_head() {
  const http::ResponseHead& head = state_.response;
  current_->note_final(head);
  state_.record.end_wait(state_.worker.loop().now());
  if (upstream_.definition().retries.status.empty()) return true;
  TryFacts known = facts(TryOutcome::kBadAnswer);
  known.status = head.status;
  known.retry_after = head.fields.value_of("retry-after");
  after_status_ = decide(known);
  return after_status_.step == NextTry::Step::kGiveUp;
}

TryOutcome Attempts::end_try(TryOutcome outcome) {
  state_.record.end_wait(state_.worker.loop().now());
  if (state_.watch.gone() && outcome != TryOutcome::kAnswered) outcome = TryOutcome::kClientGone;
  current_->note(outcome);
  if (current_->failure() != nullptr) failure_ = current_->failure();
  if (outcome != TryOutcome::kAnswered) current_->abandon();
  if (!current_->has_begun()) return outcome;
  upload_result_ = current_->upload().result();
  http::MessageBody* const body = current_->upload().from_client();
  if (outcome != TryOutcome::kStaleConnection) {
    state_.record.request_bytes += body != nullptr ? body->bytes() : state_.held_body.content().size();
  } else if (body != nullptr && body->was_read_in_one()) {
    retained_.replay = body->take_input();
  }
  return outcome;
}

NextTry Attempts::next(TryOutcome outcome) {
  on_fresh_connection_ = false;
  if (outcome == TryOutcome::kBadAnswer) return after_status_;
  if (outcome == TryOutcome::kConnectFailed) ++unreachable_;
  const NextTry next = decide(facts(outcome));
  on_fresh_connection_ = next.step == NextTry::Step::kSameTarget;
  return next;
}

// Decides by the rules, and charges a retry.
NextTry Attempts::decide(const TryFacts& facts) {
  const NextTry next = decide_next_try(upstream_.definition().retries, facts);
  if (!next.note.empty()) state_.context.remarks.note = next.note;
  if (next.step != NextTry::Step::kRetry) return next;
  if (!take_retry(upstream_.retry_budget())) return {};
  ++retries_;
  return next;
}

const EndReason& Attempts::failure() const {
  return failure_ != nullptr ? *failure_ : kEnds.upstream_failed;
}

bool Attempts::ended_by_total_timeout() const {
  if (failure_ == &kEnds.total_timeout) return true;
  // A response whose final head has arrived in time may break off later.
  return time_left().count() == 0 && !current_->has_final_head();
}

TryFacts Attempts::facts(TryOutcome outcome) const {
  return {.outcome = outcome,
          .is_repeatable = may_send_again(),
          .has_budget = upstream_.retry_budget().has_token(state_.worker.loop().now()),
          .retries = retries_,
          .unreachable = unreachable_,
          .targets = upstream_.target_count(),
          .time_left = time_left(),
          .random = upstream_.random()};
}

// True when the request can be sent once more: no part of a final response has been passed on, the whole body
// is in memory, and the method, the route or a policy permits another try.
bool Attempts::may_send_again() const {
  // Each policy sees only one response.
  if (state_.record.status != 0 || chain_.has_responded() || state_.request.head.wants_upgrade) return false;
  if (state_.body_pending()) return false;
  // A request's body that has failed would fail again.
  if (upload_result_.source.kind != http::BodyFailure::Kind::kNone) return false;
  return state_.request.route->idempotent || is_idempotent(state_);
}

bool Attempts::may_hedge() const {
  return upstream_.definition().hedging.delay.count() > 0 && state_.record.tries == 1 && may_send_again();
}

// Charges one more request to `budget` and to the circuit breaker. False when the breaker's limit is reached.
bool Attempts::take_retry(upstream::RetryBudget& budget) {
  if (!retry_slot_) retry_slot_ = upstream_.take(upstream::Load::kRetries);
  if (!retry_slot_) {
    state_.context.remarks.note = "breaker_retries";
    return false;
  }
  budget.take();
  return true;
}

}  // namespace portcullis::proxy
