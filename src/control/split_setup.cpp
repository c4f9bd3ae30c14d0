#include "control/split_setup.h"

namespace portcullis::control {
std::shared_ptr<proxy::Rollback> RollbackBook::of(const config::Route& route, const config::Branch& branch) {
  if (!branch.rollback.enabled()) return nullptr;
  const proxy::RollbackRules& rules = branch.rollback;
  Entry& entry = entries_[{route.name, branch.label()}];
  entry.wanted = true;
  if (!entry.state || entry.upstream != branch.upstream || entry.subset != branch.subset ||
      !(entry.state->rules() == rules)) {
    entry = {branch.upstream, branch.subset,
             std::make_shared<proxy::Rollback>(
                 "branch `" + branch.label() + "` of route `" + route.name + "`", rules)};
  }
  return entry.state;
}

void RollbackBook::settle() {
  std::erase_if(entries_, [](const auto& one) { return !one.second.wanted; });
  for (auto& [key, entry] : entries_) entry.wanted = false;
}

bool RollbackBook::resume(const std::string& route, const std::string& branch) {
  const auto entry = entries_.find({route, branch});
  if (entry == entries_.end()) return false;
  entry->second.state->resume();
  return true;
}

proxy::Split compile_split(const config::Route& route,
                           const std::function<proxy::Branch(const config::Branch&)>& make) {
  std::vector<proxy::Branch> branches;
  for (const config::Branch& told : route.split) {
    proxy::Branch branch = make(told);
    branch.name = told.label();
    branch.weight = static_cast<uint32_t>(told.share());
    branch.when = policy::Condition(told.when);
    branches.push_back(std::move(branch));
  }
  const config::SplitSticky& sticky = route.split_sticky;
  return {std::move(branches),
          {{sticky}, sticky.key.empty() ? std::nullopt : std::optional(policy::LimitKey(sticky.key))}};
}

std::vector<telemetry::BranchState> branch_states(const proxy::Snapshot& snapshot, Clock::time_point now) {
  std::vector<telemetry::BranchState> out;
  for (const proxy::Route& route : snapshot.routes) {
    for (const proxy::Branch& branch : route.split.branches()) {
      if (branch.name.empty()) continue;
      out.push_back({route.name, branch.name, snapshot.upstreams[branch.upstream]->name, branch.weight,
                     !branch.serves(now), branch.rollback ? branch.rollback->times() : 0});
    }
  }
  return out;
}

void check_splits(const config::Config& config, config::Diagnostics& diagnostics) {
  const auto report = [&](const config::Location& place, const std::string& problem) {
    if (!problem.empty()) diagnostics.error(place, problem);
  };
  for (const config::Route& route : config.routes) {
    for (const config::Branch& branch : route.split) {
      if (!branch.when.empty()) report(branch.when_location, policy::Condition::check(branch.when));
    }
    const config::SplitSticky& sticky = route.split_sticky;
    if (!sticky.key.empty()) report(sticky.key_location, policy::LimitKey::check(sticky.key));
  }
}

}  // namespace portcullis::control
