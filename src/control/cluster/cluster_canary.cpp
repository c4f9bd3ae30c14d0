#include "control/cluster/cluster_canary.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/say.h"
#include "control/cluster/canary_steps.h"
#include "control/revisions/canary_settings.h"

namespace portcullis::control {
namespace {

using cluster::Canary;

cluster::CanaryCounts::Side side_of(const CanaryCounts& counts) {
  return {counts.requests, counts.errors, counts.duration};
}

CanaryCounts counts_of(const cluster::CanaryCounts::Side& side) {
  return {side.requests, side.errors, side.duration};
}

bool is_later(const Canary& one, const Canary& other) {
  const bool has_ended = one.state != Canary::State::kServes && other.state == Canary::State::kServes;
  return one.revision > other.revision || (one.revision == other.revision && has_ended);
}

}  // namespace

// The watch may be ahead of what was read last, or behind it.
std::optional<Canary> ClusterCanary::latest() const {
  const cluster::View& view = cluster_.observer.view();
  std::optional<Canary> watched = cluster::canary_in(view);
  const auto stored = mirror_.canary();
  std::optional<Canary> read = stored ? *stored : std::nullopt;
  if (read && read->revision < view.current.number) read.reset();
  if (!watched || (read && is_later(*read, *watched))) return read;
  return watched;
}

CanaryTally ClusterCanary::sum(uint64_t revision, const CanaryTally& own) const {
  CanaryTally out = own;
  for (const auto& [node, counts] : cluster_.observer.view().canary_counts) {
    if (node == id_ || counts.revision != revision) continue;
    out.canary += counts_of(counts.canary);
    out.base += counts_of(counts.base);
  }
  return out;
}

Task<Result<SharedCanary::Ending>> ClusterCanary::end(uint64_t revision, Canary::State state,
                                                      std::string reason, std::string by) {
  Edit edit = [state, its_reason = std::move(reason), its_by = std::move(by)](Canary& canary) {
    canary.state = state;
    canary.reason = its_reason;
    canary.ended_by = its_by;
  };
  Task<Result<Ending>> changing = change(revision, std::move(edit));
  co_return co_await changing;
}

// Of several nodes that write at the same time one does; the others look whether there is still something to
// change.
Task<Result<SharedCanary::Ending>> ClusterCanary::change(uint64_t revision, Edit edit) {
  constexpr int kTries = 8;
  for (int tries = 0; tries < kTries; ++tries) {
    Task<Result<std::optional<cluster::Document>>> reading = cluster_.documents.canary();
    const Result<std::optional<cluster::Document>> found = co_await reading;
    if (!found) co_return found.error();
    std::optional<Canary> canary = *found ? cluster::canary_from((*found)->text) : std::nullopt;
    const bool serves = canary && canary->state == Canary::State::kServes;
    if (!serves || (revision != 0 && canary->revision != revision)) co_return Ending::kNoCanary;
    edit(*canary);
    Task<Result<cluster::Documents::WriteOutcome>> writing =
        cluster_.documents.write_canary(cluster::text_of(*canary), (*found)->changed);
    const Result<cluster::Documents::WriteOutcome> written = co_await writing;
    if (!written) co_return written.error();
    if (std::holds_alternative<cluster::Documents::Written>(*written)) co_return Ending::kDone;
  }
  co_return Error{"other nodes change the canary all the time: try again"};
}

// Counts that could not be written are told the next time.
Task<void> ClusterCanary::tell(uint64_t revision) {
  constexpr Milliseconds kAtOnce{0};
  const std::optional<CanaryTally> own = surroundings_.count(revision);
  const uint64_t lease = cluster_.membership.lease().id();
  const Milliseconds pause = told_.revision == revision ? kTell : kAtOnce;
  if (!own || lease == 0 || Clock::now() - told_at_ < pause) co_return;
  const cluster::CanaryCounts counts{revision, side_of(own->canary), side_of(own->base)};
  if (counts == told_ && lease == told_with_) co_return;
  told_at_ = Clock::now();
  Task<Result<uint64_t>> writing =
      cluster_.client.put(cluster_.layout.canary_counts() + id_, cluster::text_of(counts), lease);
  const Result<uint64_t> written = co_await writing;
  if (!written) co_return;
  told_ = counts;
  told_with_ = lease;
}

bool ClusterCanary::has_turn(const Canary& canary) const {
  return std::find(canary.turns.begin(), canary.turns.end(), id_) != canary.turns.end();
}

void ClusterCanary::note_crash() {
  const std::optional<Canary> canary = latest();
  if (canary && canary->state == Canary::State::kServes && has_turn(*canary))
    crashed_with_ = canary->revision;
}

// After a time without etcd, the others may have counts that this node has not heard of yet.
bool ClusterCanary::has_heard_all() const {
  return hears_since_ && Clock::now() - *hears_since_ >= 2 * kTell;
}

Task<void> ClusterCanary::judge(Canary canary) {
  const auto stored = stored_canary_of(canary.rules);
  if (!stored) co_return;
  const CanaryTrial trial(stored->rules, began_at(stored->since));
  if (stored->rules.nodes > 0) {
    Task<void> judging = judge_nodes(std::move(canary), trial);
    co_await judging;
    co_return;
  }
  const CanaryTally all = sum(canary.revision, surroundings_.count(canary.revision).value_or(CanaryTally()));
  const CanaryTrial::Verdict verdict = trial.judge(all.canary, Clock::now());
  if (verdict.step == CanaryTrial::Verdict::Step::kGoesOn) co_return;
  if (!trial.fault(all.canary) && !has_heard_all()) co_return;
  const bool promotes = verdict.step == CanaryTrial::Verdict::Step::kPromoted;
  Task<Result<Ending>> ending =
      end(canary.revision, promotes ? Canary::State::kPromoted : Canary::State::kWithdrawn, verdict.reason,
          "gateway");
  static_cast<void>(co_await ending);  // without an answer, the next look tries again
}

// Errors at one node must not disappear among the requests of the others.
std::string ClusterCanary::fault_of(uint64_t revision, const CanaryTrial& trial) const {
  const CanaryTally own = surroundings_.count(revision).value_or(CanaryTally());
  std::map<std::string, CanaryCounts> nodes{{id_, own.canary}};
  for (const auto& [node, counts] : cluster_.observer.view().canary_counts) {
    if (node != id_ && counts.revision == revision) nodes[node] = counts_of(counts.canary);
  }
  for (const auto& [node, counts] : nodes) {
    if (const auto fault = trial.fault(counts)) return "at the node `" + node + "` " + *fault;
  }
  return trial.fault(sum(revision, own).canary).value_or("");
}

Task<void> ClusterCanary::judge_nodes(Canary canary, const CanaryTrial& trial) {
  const proxy::CanaryRules& rules = trial.rules();
  const Clock::time_point now = Clock::now();
  CanarySteps steps = steps_of(canary, cluster_.observer.view().nodes);
  if (crashed_with_ == canary.revision)
    steps.fault = "the node `" + id_ + "` has ended without a word, and was started again";
  if (steps.fault.empty()) steps.fault = fault_of(canary.revision, trial);
  const bool is_new_step = turns_of_ != canary.revision || turns_ != canary.turns;
  turns_of_ = canary.revision;
  turns_ = canary.turns;
  if (is_new_step || !steps.is_ready || !has_heard_all()) ready_since_ = now;
  const bool is_over =
      steps.is_ready && has_heard_all() && (canary.turns.empty() || now - ready_since_ >= rules.for_time);
  if (steps.fault.empty() && !is_over) co_return;
  Edit edit;
  if (!steps.fault.empty() || steps.waiting.empty()) {
    const bool promotes = steps.fault.empty() && rules.promote;
    edit = [promotes, reason = steps.fault.empty() ? "all nodes have served it" : steps.fault](Canary& one) {
      one.state = promotes ? Canary::State::kPromoted : Canary::State::kWithdrawn;
      one.reason = reason;
      one.ended_by = "gateway";
    };
  } else {
    steps.waiting.resize(std::min<size_t>(steps.waiting.size(), rules.nodes));
    edit = [seen = canary.turns, more = steps.waiting](Canary& one) {
      if (one.turns == seen) one.turns.insert(one.turns.end(), more.begin(), more.end());
    };
  }
  Task<Result<Ending>> changing = change(canary.revision, std::move(edit));
  static_cast<void>(co_await changing);  // without an answer, the next look tries again
}

Task<void> ClusterCanary::run() {
  for (;;) {
    const uint64_t seen = news_.version();
    const std::optional<Canary> canary = latest();
    const bool serves = canary && canary->state == Canary::State::kServes;
    if (serves && has_turn(*canary)) surroundings_.take_turn(canary->revision);
    if (!surroundings_.takes_part()) {
      hears_since_.reset();
    } else if (!hears_since_) {
      hears_since_ = Clock::now();
    }
    if (serves && hears_since_) {
      Task<void> telling = tell(canary->revision);
      co_await telling;
      Task<void> judging = judge(*canary);
      co_await judging;
    }
    co_await news_.wait(loop_, seen, serves ? kLook : kForever);
  }
}

}  // namespace portcullis::control
