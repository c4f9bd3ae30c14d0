#include "control/canary.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

#include "base/say.h"
#include "config/value_types.h"

namespace portcullis::control {
namespace {

using nlohmann::json;
using std::chrono::system_clock;

std::string describe(const CanaryNews& news, const proxy::CanaryRules& rules) {
  std::string name = "revision " + std::to_string(news.revision);
  switch (news.kind) {
    case CanaryNews::Kind::kStarted:
      if (rules.nodes > 0) return name + " is a canary: the nodes serve it one after the other";
      return name + " is a canary: it serves " + config::print_fine_share(rules.share) + " of the requests";
    case CanaryNews::Kind::kPromoted: return "canary promoted: serving " + name + " (" + news.reason + ")";
    case CanaryNews::Kind::kWithdrawn: return "canary withdrawn: " + name + " (" + news.reason + ")";
  }
  return name;
}

}  // namespace

Task<Status> CanaryControl::begin(config::Config config, proxy::CanaryRules rules, uint64_t revision,
                                  system_clock::time_point since, Deployment::Record record) {
  const bool waits_for_turn = rules.nodes > 0 && !judges_;
  proxy::CanaryRules first = rules;
  if (waits_for_turn) first.share = {};
  Task<Status> beginning = deployment_.begin_canary(std::move(config), first, revision, std::move(record));
  const Status begun = co_await beginning;
  if (!begun) co_return begun;
  const CanaryNews news{CanaryNews::Kind::kStarted, revision, deployment_.revision(), {}};
  life_ = Life{revision, news.base, CanaryTrial(std::move(rules), began_at(since)), since, waits_for_turn,
               false,    {}};
  life_->base_before = CanaryCounts::of(*deployment_.snapshot()->responses);
  if (judges_) loop_.arm(*this, kPeriod);
  say(describe(news, life_->trial.rules()));
  if (observer_) observer_(news);
  co_return Status();
}

void CanaryControl::take_turn() {
  if (!life_ || !std::exchange(life_->waits_for_turn, false)) return;
  life_->has_turn = true;
  deployment_.divide_anew(life_->trial.rules());
  say("revision " + std::to_string(life_->revision) +
      " is a canary, and the turn of this node has come: it serves all requests");
}

CanaryCounts CanaryControl::of_canary() const {
  return CanaryCounts::of(*deployment_.canary()->snapshot->responses);
}

CanaryCounts CanaryControl::of_base() const {
  return CanaryCounts::of(*deployment_.snapshot()->responses) - life_->base_before;
}

std::optional<CanaryFacts> CanaryControl::facts() const {
  if (!life_) return std::nullopt;
  return CanaryFacts{life_->revision, life_->base, life_->trial.rules(), life_->since};
}

std::optional<CanaryTally> CanaryControl::tally() const {
  if (!life_) return std::nullopt;
  return CanaryTally{of_canary(), of_base()};
}

json CanaryControl::state() const {
  const std::optional<CanaryFacts> canary = facts();
  return canary ? describe_canary(*canary, *tally()) : json();
}

void CanaryControl::fire() {
  const Clock::time_point now = Clock::now();
  const CanaryTrial::Verdict verdict = life_->trial.judge(of_canary(), now);
  switch (verdict.step) {
    case CanaryTrial::Verdict::Step::kGoesOn: break;
    case CanaryTrial::Verdict::Step::kWithdrawn: (void)withdraw(verdict.reason); return;
    case CanaryTrial::Verdict::Step::kPromoted:
      if (promote(verdict.reason)) return;
      break;  // another change is under way, so the next round tries again
  }
  loop_.arm(*this, std::clamp(life_->trial.left(now), Milliseconds(1), kPeriod));
}

Status CanaryControl::promote(std::string reason) {
  if (!life_) return Error{"there is no canary"};
  if (Status promoted = deployment_.promote_canary(); !promoted) return promoted;
  end(CanaryNews::Kind::kPromoted, std::move(reason));
  return {};
}

Status CanaryControl::withdraw(std::string reason) {
  if (!life_) return Error{"there is no canary"};
  deployment_.drop_canary();
  end(CanaryNews::Kind::kWithdrawn, std::move(reason));
  return {};
}

void CanaryControl::end(CanaryNews::Kind kind, std::string reason) {
  const Life ended = std::move(*life_);
  life_.reset();
  unlink();
  const CanaryNews news{kind, ended.revision, ended.base, std::move(reason)};
  say(kind == CanaryNews::Kind::kWithdrawn ? Level::kWarning : Level::kInfo,
      describe(news, ended.trial.rules()));
  if (observer_) observer_(news);
}

}  // namespace portcullis::control
