#include "control/rehearsal.h"

#include <algorithm>
#include <iterator>
#include <system_error>
#include <utility>

#include "control/fleet.h"
#include "control/offline_snapshot.h"
#include "proxy/replay_worker.h"

namespace portcullis::control {
namespace {

using proxy::RecordedHead;
using proxy::Rehearsal;
using Outcome = RehearsedSide::Outcome;

// The upstream that gets the request; empty when chance decides between several.
std::string upstream_of(const Rehearsal& found, const proxy::Snapshot& snapshot) {
  if (!found.route) return {};
  const std::vector<proxy::Branch>& branches = snapshot.routes[*found.route].split.branches();
  const bool has_one = std::all_of(branches.begin(), branches.end(), [&](const proxy::Branch& one) {
    return one.upstream == branches.front().upstream;
  });
  if (branches.empty() || (!found.branch && !has_one)) return {};
  return snapshot.upstreams[branches[found.branch.value_or(0)].upstream]->name;
}

// A request that a policy has answered, or that the gateway itself has answered without an error.
bool is_answer(const Rehearsal& found) {
  using Kind = policy::Decision::Kind;
  for (const proxy::RehearsedPolicy& one : found.policies) {
    if (one.is_reached && one.decision == Kind::kAnswer) return true;
    if (one.is_reached && one.decision == Kind::kRefuse) return false;
  }
  return found.status != 0 && found.status < 400 && !found.error_rule;
}

RehearsedSide side_of(const Rehearsal& found, const proxy::Snapshot& snapshot) {
  RehearsedSide out;
  if (found.route) out.route = snapshot.routes[*found.route].name;
  switch (found.end) {
    case Rehearsal::End::kForwarded:
      out.outcome = Outcome::kForwarded;
      out.upstream = upstream_of(found, snapshot);
      break;
    case Rehearsal::End::kUnknown:
      out.outcome = Outcome::kUnknown;
      out.reason = found.unknown;
      break;
    case Rehearsal::End::kAnswered:
      out.outcome = is_answer(found) ? Outcome::kAnswered : Outcome::kRefused;
      out.status = found.status;
      if (found.ended != nullptr) out.reason = found.ended->name;
      break;
  }
  return out;
}

// One of the two configurations, and what it says about recorded requests.
class Party {
 public:
  Party(std::unique_ptr<OfflineSnapshot> compiled, RehearsalReport::Side side)
      : compiled_(std::move(compiled)), worker_(compiled_->snapshot()), side_(side) {
    reached_.resize(compiled_->snapshot()->routes.size());
  }

  // `at` is the time of the request for the counters of limits.
  RehearsedSide judge(const RecordedHead& head, Clock::time_point at, RehearsalReport& report) {
    policy::Replay replay{.identity = proxy::identity_of(head), .at = at};
    const Rehearsal found = worker_.replay(head, replay);
    RehearsedSide out = side_of(found, *compiled_->snapshot());
    if (found.route) reached_[*found.route] = true;
    for (policy::Replay::Refusal& one : replay.refusals)
      report.add_refusal(side_, {out.route.value_or(""), std::move(one.policy), std::move(one.limit)});
    return out;
  }

  std::vector<std::string> unused_routes() const {
    std::vector<std::string> out;
    for (size_t i = 0; i < reached_.size(); ++i) {
      if (!reached_[i]) out.push_back(compiled_->snapshot()->routes[i].name);
    }
    return out;
  }

 private:
  std::unique_ptr<OfflineSnapshot> compiled_;
  proxy::ReplayWorker worker_;
  RehearsalReport::Side side_;
  std::vector<bool> reached_;
};

}  // namespace

Result<RehearsalReport> compare(const ComparedConfigs& configs,
                                const std::vector<proxy::RecordedHeads>& recorded,
                                const std::stop_token& stop) {
  const Say silent = [](Level, const std::string&) {};
  auto present = OfflineSnapshot::compile(*configs.present, silent);
  if (!present) return present.error();
  auto planned = OfflineSnapshot::compile(*configs.planned, silent);
  if (!planned) return planned.error();
  Party before(std::move(*present), RehearsalReport::Side::kBefore);
  Party after(std::move(*planned), RehearsalReport::Side::kAfter);
  const std::vector<RecordedHead> heads = proxy::read_heads(recorded);
  RehearsalReport report;
  const Clock::time_point start = Clock::now();
  for (const RecordedHead& head : heads) {
    if (stop.stop_requested()) break;
    const Clock::time_point at = start + (head.time - heads.front().time);
    RehearsedSide said_before = before.judge(head, at, report);
    RehearsedSide said_after = after.judge(head, at, report);
    report.add(std::move(said_before), std::move(said_after), [&head] { return proxy::describe(head); });
  }
  report.set_unused_routes(after.unused_routes());
  return report;
}

Task<std::vector<proxy::RecordedHeads>> Rehearsals::collect() {
  using Recorded = std::vector<proxy::RecordedHeads>;
  struct Sum {
    Recorded recorded{};
    size_t answers = 0, workers = SIZE_MAX;
  };
  Delivery<Recorded> delivery(loop_);
  const auto sum = std::make_shared<Sum>();
  // The answers come as messages to this thread, so none comes before the number of workers is known.
  sum->workers = fleet_.collect_recorded([sum, sender = delivery.sender()](Recorded some) {
    std::move(some.begin(), some.end(), std::back_inserter(sum->recorded));
    if (++sum->answers == sum->workers) sender.deliver(std::move(sum->recorded));
  });
  if (sum->workers == 0) co_return Recorded();
  co_return co_await delivery;
}

Task<Result<RehearsalReport>> Rehearsals::rehearse(ComparedConfigs configs) {
  using Recorded = std::vector<proxy::RecordedHeads>;
  try {
    if (!pool_) pool_.emplace(1, kMaxWaiting, SidePool::Priority::kLow);
  } catch (const std::system_error& problem) {  // thrown when the system allows no further thread
    co_return Error{problem.what()};
  }
  Task<Recorded> collecting = collect();
  Recorded collected = co_await collecting;
  const auto recorded = std::make_shared<const Recorded>(std::move(collected));
  PoolJob<Result<RehearsalReport>> job(*pool_, loop_);
  const bool is_accepted = job.submit([configs = std::move(configs), recorded](const std::stop_token& stop) {
    return compare(configs, *recorded, stop);
  });
  if (!is_accepted) co_return Error{"too many changes are being rehearsed"};
  auto report = co_await job;
  if (!report) co_return Error{"the rehearsal was given up"};
  co_return std::move(*report);
}

void Rehearsals::stop() {
  if (pool_) pool_->stop();
}

}  // namespace portcullis::control
