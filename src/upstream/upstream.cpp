#include "upstream/upstream.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/percent.h"

namespace portcullis::upstream {

Subset::Subset(const UpstreamDefinition& upstream, const std::vector<Target*>& targets)
    : panic_threshold_(share_of(upstream.panic_threshold)) {
  std::map<uint32_t, std::vector<Target*>> by_rank;
  for (Target* target : targets) by_rank[target->definition().rank].push_back(target);
  for (auto& [rank, members] : by_rank) {
    Group group{std::move(members), nullptr};
    group.balancer = make_balancer(upstream.balance, group.targets);
    groups_.push_back(std::move(group));
  }
}

Target* Subset::pick_in(size_t group, const Wish& wish, uint64_t tried, bool admit_all, Random& random) {
  Group& chosen = groups_[group];
  return chosen.balancer->pick(Candidates(chosen.targets, tried, admit_all), wish.hash, random);
}

// True when the available targets are too few to bear the load. It is then spread over all targets, in the
// hope that the checks are wrong.
bool Subset::panics() const {
  if (panic_threshold_ == 0) return false;
  size_t all = 0, available = 0;
  for (const Group& group : groups_) {
    for (const Target* target : group.targets) {
      all += !target->drained();
      available += target->available();
    }
  }
  return static_cast<double>(available) < panic_threshold_ * static_cast<double>(all);
}

// A group bears up to 1.4 times the share of its available targets, as in Envoy: of four targets one may fail
// without moving traffic to the next group.
size_t Subset::group_for(uint64_t hash) const {
  constexpr double kSpare = 1.4;
  // Equal keys go to the same group. Uses bits of the hash that no balancer's table uses.
  const double at = static_cast<double>(hash_mix(hash, 0x9FB21C651E98DF25ull) >> 11) * 0x1p-53;
  double borne = 0;
  size_t fullest = 0;
  for (size_t i = 0; i < groups_.size(); ++i) {
    uint64_t whole = 0, available = 0;
    for (const Target* target : groups_[i].targets) {
      if (target->drained()) continue;  // counts as not configured, so no other target has to make up for it
      whole += target->definition().weight;
      available += target->available() ? target->definition().weight : 0;
    }
    const double share =
        whole == 0 ? 0 : kSpare * static_cast<double>(available) / static_cast<double>(whole);
    if (share > 0 && borne == 0) fullest = i;
    borne += share;
    if (at < borne) return i;
  }
  return fullest;  // all groups together have too little capacity: the first group with available targets
}

Target* Subset::pick(const Wish& wish, Random& random) {
  if (groups_.empty()) return nullptr;
  const bool panic = panics();
  // Available targets first; if there are none, an unavailable target may still work while an error is
  // certain.
  for (const uint64_t excluded : {wish.tried, uint64_t{0}}) {
    if (groups_.size() > 1 && !panic) {
      if (Target* target = pick_in(group_for(wish.hash), wish, excluded, false, random)) return target;
    }
    for (const bool admit_all : {panic, true}) {
      for (size_t i = 0; i < groups_.size(); ++i) {
        if (Target* target = pick_in(i, wish, excluded, admit_all, random)) return target;
      }
    }
  }
  return nullptr;  // all targets are drained: the last pass admits all others
}

Target* Subset::find(uint64_t id, uint64_t tried) const {
  for (const Group& group : groups_) {
    const Candidates candidates(group.targets, tried, false);
    for (size_t i = 0; i < candidates.size(); ++i) {
      if (candidates[i].id() == id) return candidates.eligible(i) ? &candidates[i] : nullptr;
    }
  }
  return nullptr;
}

Upstream::Upstream(EventLoop& loop, std::shared_ptr<const UpstreamDefinition> definition, uint64_t seed)
    : loop_(loop),
      definition_(std::move(definition)),
      random_(seed),
      retry_budget_(share_of(definition_->retries.budget), definition_->retries.min_per_second),
      hedge_budget_(share_of(definition_->hedging.budget), 0) {
  if (definition_->limits.of(Load::kConnections) > 0)
    queue_ = std::make_unique<ConnectionQueue>(loop_, definition_->breaker, definition_->limits,
                                               [this] { return close_one_idle(); });
  rebuild();
}

namespace {

bool is_known_by(const TargetList& targets, const std::string& host) {
  return std::any_of(targets.begin(), targets.end(), [&](const TargetDefinition& target) {
    const auto* name = std::get_if<HostPort>(&target.place);
    return name != nullptr && name->host == host;
  });
}

}  // namespace

bool Upstream::uses(const std::string& host) const {
  return is_known_by(definition_->targets, host) || (discovered_ && is_known_by(*discovered_, host));
}

void Upstream::set_addresses(const std::string& host, const Addresses& addresses) {
  if (!uses(host)) return;
  Addresses& known = addresses_[host];
  // A reload sets all addresses again; while they are unchanged, the balancers and their tables stay.
  if (known == addresses) return;
  known = addresses;
  rebuild();
}

void Upstream::set_discovered(std::shared_ptr<const TargetList> discovered,
                              const std::map<std::string, Addresses>& known) {
  if (discovered == discovered_) return;
  discovered_ = std::move(discovered);
  for (const auto& [host, addresses] : known) {
    if (uses(host)) addresses_[host] = addresses;
  }
  rebuild();
}

// Makes the targets match the definitions and addresses. Targets that stay keep their connections.
void Upstream::rebuild() {
  std::erase_if(retired_, [](const Retired& one) { return one.target->in_flight == 0; });
  std::vector<std::unique_ptr<Target>> before = std::exchange(targets_, {});
  // A target that is added to others starts slowly; the first targets do not.
  const Clock::time_point since = before.empty() ? Clock::time_point{} : loop_.now();
  std::multimap<uint64_t, std::unique_ptr<Target>*> by_address;
  for (std::unique_ptr<Target>& target : before) by_address.emplace(target->id(), &target);
  const auto add = [&](const TargetDefinition& definition, const SocketAddress& address) {
    const auto found = by_address.find(Target::id_of(address));
    if (found != by_address.end()) {
      targets_.push_back(std::move(*found->second));
      by_address.erase(found);
      targets_.back()->set_definition(definition);
    } else {
      targets_.push_back(
          std::make_unique<Target>(loop_, *definition_, definition, address, queue_.get(), since));
    }
  };
  const auto add_all = [&](const TargetList& definitions) {
    for (const TargetDefinition& definition : definitions) {
      if (const auto* address = std::get_if<SocketAddress>(&definition.place)) {
        add(definition, *address);
        continue;
      }
      const auto& named = std::get<HostPort>(definition.place);
      const auto known = addresses_.find(named.host);
      if (known == addresses_.end()) continue;
      for (SocketAddress address : known->second) {
        address.set_port(named.port);
        add(definition, address);
      }
    }
  };
  add_all(definition_->targets);
  if (discovered_) add_all(*discovered_);
  for (std::unique_ptr<Target>& target : before) {
    if (!target) continue;
    target->retire();
    if (target->in_flight > 0) retired_.push_back({std::move(target), built_from_});
  }
  built_from_ = discovered_;
  arrange();
}

bool Upstream::close_one_idle() {
  return std::any_of(targets_.begin(), targets_.end(),
                     [](const std::unique_ptr<Target>& target) { return target->close_one_idle(); });
}

// Sets the index of each target, and the targets of each subset.
void Upstream::arrange() {
  for (size_t i = 0; i < targets_.size(); ++i) targets_[i]->index = i;
  subsets_.clear();
  for (const Metadata& wanted : definition_->subsets) {
    std::vector<Target*> members;
    for (const std::unique_ptr<Target>& target : targets_) {
      const Metadata& has = target->definition().metadata;
      if (std::includes(has.begin(), has.end(), wanted.begin(), wanted.end()))
        members.push_back(target.get());
    }
    subsets_.emplace_back(*definition_, members);
  }
}

}  // namespace portcullis::upstream
