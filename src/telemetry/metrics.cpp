#include "telemetry/metrics.h"

#include <algorithm>

namespace portcullis::telemetry {
namespace {

template <typename T>
std::vector<T*> pointers(std::vector<std::unique_ptr<T>>& shards, size_t workers) {
  std::vector<T*> out;
  while (shards.size() < workers) shards.push_back(std::make_unique<T>());
  out.reserve(shards.size());
  for (const auto& shard : shards) out.push_back(shard.get());
  return out;
}

}  // namespace

Registry::Registry(size_t workers) : of_policies_(workers) {
  pointers(workers_, workers);
}

std::vector<RouteMetrics*> Registry::route(const std::string& name) {
  return pointers(routes_[name], workers_.size());
}

std::shared_ptr<const TargetShards> Registry::target(const std::string& upstream, const std::string& target) {
  std::weak_ptr<const TargetShards>& place = targets_[{upstream, target}];
  if (auto known = place.lock()) return known;
  auto made = std::make_shared<TargetShards>();
  while (made->size() < workers_.size()) made->push_back(std::make_unique<TargetMetrics>());
  place = made;
  if (targets_.size() > 2 * known_targets_ + 16) {
    std::erase_if(targets_, [](const auto& one) { return one.second.expired(); });
    known_targets_ = targets_.size();
  }
  return made;
}

std::vector<ResponseMetrics*> Registry::consumer(const std::string& name) {
  return pointers(consumers_[name], workers_.size());
}

std::vector<ResponseMetrics*> Registry::branch(const std::string& route, const std::string& name) {
  return pointers(branches_[{route, name}], workers_.size());
}

std::shared_ptr<const RevisionShards> Registry::revision(uint64_t number) {
  std::erase_if(revisions_, [](const auto& one) { return one.second.expired(); });
  std::weak_ptr<const RevisionShards>& place = revisions_[number];
  if (auto known = place.lock()) return known;
  auto made = std::make_shared<RevisionShards>();
  while (made->size() < workers_.size()) made->push_back(std::make_unique<RevisionMetrics>());
  place = made;
  return made;
}

std::vector<PolicyMetrics*> Registry::policy(const std::string& route, const std::string& name) {
  return pointers(policies_[{route, name}], workers_.size());
}

}  // namespace portcullis::telemetry
