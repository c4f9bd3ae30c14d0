// How an exchange asks a second target while the first one is silent, and takes whichever answers sooner
// (Dean and Barroso, "The Tail at Scale", 2013).

#include <algorithm>
#include <array>
#include <cerrno>

#include "proxy/exchange.h"

namespace portcullis::proxy {

// One more target that is asked.
struct Exchange::Hedge {
  upstream::Target* target = nullptr;  // null: it is not its turn yet
  std::unique_ptr<upstream::Connection> connection;
  InputBuffer input;  // what of its answer has come
  upstream::InFlight in_flight;
  Clock::time_point started;
  Clock::time_point sent;
  bool failed = false;
};

// The first target and the hedges. Whoever has a part of an answer first has won; the first target is then
// told by a timer to stop, because its end is the end of all of them.
class Exchange::Race final : private Timer {
 public:
  Race(upstream::Upstream& its_upstream, Stream& first) : upstream(its_upstream), first_(first) {}

  void win(Hedge& hedge) {
    if (winner != nullptr) return;
    winner = &hedge;
    first_.loop().arm(*this, Milliseconds(0));
  }
  // The client has left.
  void give_up() {
    first_.cancel();
    for (Hedge& one : hedges) {
      if (one.connection) one.connection->stream.cancel();
    }
  }
  bool any_asked() const {
    for (const Hedge& one : hedges) {
      if (one.target != nullptr && !one.failed) return true;
    }
    return false;
  }

  upstream::Upstream& upstream;
  std::array<Hedge, upstream::Hedging::kMax> hedges;
  Hedge* winner = nullptr;
  bool first_failed = false;
  TaskGroup running;  // before the hedges go

 private:
  void fire() override { first_.cancel(); }

  Stream& first_;
};

bool Exchange::may_hedge(const upstream::UpstreamDefinition& upstream) const {
  return upstream.hedging.delay.count() > 0 && tries_ == 1 && may_retry();
}

// As try_target sends it, from what is still here.
Task<IoResult> Exchange::send_whole_request(upstream::Connection& connection) {
  HeadWriter head(head_size_ + 1024);
  const std::string_view content = held_body_.held() ? held_body_.content() : std::string_view();
  iovec pieces[2]{};
  size_t count = 0;
  if (connection.channel == nullptr) {
    write_request_head(head);
    pieces[count++] = head.piece();
  } else {
    Task<IoResult> sending = send_http2_request(connection);
    const IoResult sent = co_await sending;
    if (!sent.ok() || content.empty()) co_return sent;
    connection.channel->end_after_write({});
  }
  if (!content.empty()) pieces[count++] = {const_cast<char*>(content.data()), content.size()};
  co_return co_await connection.stream.write(std::span(pieces, count), settings_.send_timeout);
}

// kAnswered: a part of its answer has come.
Task<Exchange::TryOutcome> Exchange::ask_hedge(Race& race, Hedge& hedge) {
  upstream::Connection* connection = hedge.connection.get();
  if (!connection->stream.is_open()) {
    Task<TryOutcome> connecting = connect(race.upstream, *hedge.target, hedge.connection);
    const TryOutcome connected = co_await connecting;
    if (connected != TryOutcome::kAnswered) co_return connected;
    connection = hedge.connection.get();
  }
  Task<IoResult> sending = send_whole_request(*connection);
  const IoResult sent = co_await sending;
  if (!sent.ok()) co_return connection->reused() ? TryOutcome::kStaleConnection : TryOutcome::kFailed;
  hedge.sent = worker_.loop().now();
  const Clock::time_point deadline = hedge.sent + race.upstream.definition().response_timeout;
  for (;;) {
    const Milliseconds patience = std::min(time_until(deadline, worker_.loop()), time_left());
    const IoResult ready = co_await connection->stream.readable(patience);
    if (ready.error == ETIMEDOUT) co_return TryOutcome::kTimedOut;
    if (!ready.ok()) co_return TryOutcome::kFailed;
    if (connection->channel != nullptr) {
      if (connection->channel->has_head()) co_return TryOutcome::kAnswered;
      if (connection->channel->is_broken() || connection->channel->at_end()) co_return TryOutcome::kFailed;
      continue;
    }
    hedge.input.block = block_for_response();
    const std::span<char> room = hedge.input.room();
    const IoResult got = connection->stream.try_read(room.data(), room.size());
    if (got.error == EAGAIN) continue;
    // An end instead of an answer: that of the others may still come.
    if (!got.ok() || got.bytes == 0)
      co_return connection->reused() ? TryOutcome::kStaleConnection : TryOutcome::kFailed;
    hedge.input.end = got.bytes;
    co_return TryOutcome::kAnswered;
  }
}

Task<void> Exchange::run_hedge(Race& race, unsigned number) {
  const upstream::Hedging& rules = race.upstream.definition().hedging;
  co_await sleep_for(worker_.loop(), rules.delay * (number + 1));
  if (race.winner != nullptr || race.first_failed || client_watch_.gone() || time_left().count() == 0)
    co_return;
  upstream::Target* const target =
      race.upstream.pick(branch_->subset, {tried_, sought_.value_or(race.upstream.random())});
  if (target == nullptr || target == target_ || (tried_ & race.upstream.bit_of(*target)) != 0)
    co_return;  // there is nobody else
  if (!take_retry(race.upstream, race.upstream.hedge_budget(), "hedge_budget_spent")) co_return;
  Hedge& hedge = race.hedges[number];
  hedge.target = target;
  tried_ |= race.upstream.bit_of(*target);
  ++tries_;
  hedge.in_flight = upstream::InFlight(*target);
  hedge.started = worker_.loop().now();
  hedge.connection = target->take();
  Task<TryOutcome> asking = ask_hedge(race, hedge);
  const TryOutcome outcome = co_await asking;
  if (outcome == TryOutcome::kAnswered) {
    race.win(hedge);
    co_return;
  }
  hedge.failed = true;
  note_try(*target, outcome);
}

// The head of the answer that comes first. `connection` and `input` are then those of whoever gave it.
Task<Exchange::TryOutcome> Exchange::read_first_head(std::unique_ptr<upstream::Connection>& connection,
                                                     InputBuffer& input, size_t& head_size, BodySource& body,
                                                     TaskGroup& upload) {
  Race race(upstream(), connection->stream);
  if (!context_.awaited)
    client_watch_.begin([&race] { race.give_up(); }, &body,
                        held_body_.held() ? held_body_.rest() : std::string_view());
  const uint32_t attempts = std::min(race.upstream.definition().hedging.attempts, upstream::Hedging::kMax);
  for (uint32_t i = 0; i < attempts; ++i) race.running.spawn(run_hedge(race, i));
  Task<TryOutcome> reading = read_response_head(*connection, input, head_size);
  TryOutcome outcome = co_await reading;
  const bool failed =
      outcome != TryOutcome::kAnswered && outcome != TryOutcome::kClientGone && !client_watch_.gone();
  if (failed && race.winner == nullptr && race.any_asked()) {
    race.first_failed = true;
    co_await race.running.join();
  }
  if (!failed || client_watch_.gone()) race.winner = nullptr;
  race.running.clear();
  watch_client(connection, body);  // which from here on is the only one that is asked
  for (Hedge& hedge : race.hedges) {
    if (hedge.target != nullptr && !hedge.failed && &hedge != race.winner)
      note_try(*hedge.target, TryOutcome::kClientGone);
  }
  if (race.winner == nullptr) co_return outcome;

  Hedge& winner = *race.winner;
  // What the first one did until it was told to stop: nothing, or it failed by itself.
  note_try(*target_, race.first_failed ? outcome : TryOutcome::kClientGone);
  target_->note_latency(worker_.loop().now() - try_started_);
  upload.clear();
  upload_done_ = body.complete = true;
  upload_result_ = {};
  connection = std::move(winner.connection);
  input = std::move(winner.input);
  in_flight_ = std::move(winner.in_flight);
  target_ = winner.target;
  try_started_ = winner.started;
  request_sent_ = winner.sent;
  context_.note = "hedge_answered";
  response_ = {};
  Task<TryOutcome> its_own = read_response_head(*connection, input, head_size);
  outcome = co_await its_own;
  co_return outcome;
}

}  // namespace portcullis::proxy
