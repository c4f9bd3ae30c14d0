#include "control/split_setup.h"

#include <algorithm>

namespace portcullis::control {

bool RollbackBook::Entry::is_of(const config::Branch& branch) const {
  const proxy::RollbackRules& rules = branch.rollback;
  return upstream == branch.upstream && subset == branch.subset && state->rules() == rules;
}

std::shared_ptr<proxy::Rollback> RollbackBook::of(const config::Route& route, const config::Branch& branch) {
  if (!branch.rollback.enabled()) return nullptr;
  const Key key{route.name, branch.label()};
  const auto [begin, end] = entries_.equal_range(key);
  const auto same = std::find_if(begin, end, [&](const auto& one) { return one.second.is_of(branch); });
  if (same != end) return same->second.state;
  const proxy::RollbackRules& rules = branch.rollback;
  auto state = std::make_shared<proxy::Rollback>(
      "branch `" + branch.label() + "` of route `" + route.name + "`", rules);
  entries_.emplace(key, Entry{branch.upstream, branch.subset, state});
  return state;
}

void RollbackBook::keep_only(const config::SharedList<config::Route>& routes) {
  auto before = std::exchange(entries_, {});
  for (const config::Route& route : routes) {
    for (const config::Branch& branch : route.split) {
      const auto [begin, end] = before.equal_range({route.name, branch.label()});
      const auto same = std::find_if(begin, end, [&](const auto& one) { return one.second.is_of(branch); });
      if (branch.rollback.enabled() && same != end) entries_.insert(*same);
    }
  }
}

std::vector<std::string> RollbackBook::resume(const std::string& route, const std::string& branch) {
  std::vector<std::string> out;
  for (const auto& [key, entry] : entries_) {
    if (key.first != route || (!branch.empty() && key.second != branch)) continue;
    entry.state->resume();
    if (out.empty() || out.back() != key.second) out.push_back(key.second);
  }
  return out;
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
