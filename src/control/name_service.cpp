#include "control/name_service.h"

#include <set>
#include <utility>

#include "base/faults.h"
#include "control/fleet.h"

namespace portcullis::control {

NameService::NameService(EventLoop& loop, Fleet& fleet, OnEjection on_ejection, Milliseconds patience)
    : loop_(loop),
      fleet_(fleet),
      patience_(patience),
      answers_(loop),
      health_checks_(loop, std::move(on_ejection)),
      discovery_(
          loop,
          [this](const std::string& host, const upstream::Addresses& addresses) {
            health_checks_.set_addresses(host, addresses);
            fleet_.set_addresses(host, addresses);
          },
          [this] { answers_.wake_all(); }),
      http_(loop),
      target_discovery_(
          {loop, http_, [this] { return discovery_.resolver(); },
           [this](std::chrono::seconds ttl) { return discovery_.pause_after(ttl); },
           told_as(Fault::kDiscovery), [this] { answers_.wake_all(); }},
          [this](const std::string& upstream, std::shared_ptr<const upstream::TargetList> targets) {
            tasks_.spawn(give_discovered(upstream, std::move(targets)));
          }) {}

Status NameService::follow(const std::vector<Followed>& all, telemetry::Registry& metrics) {
  std::vector<const config::Config*> configs;
  std::vector<std::shared_ptr<const upstream::UpstreamDefinition>> upstreams;
  std::vector<std::shared_ptr<const proxy::Snapshot>> snapshots;
  for (const Followed& one : all) {
    configs.push_back(&one.config);
    snapshots.push_back(one.snapshot);
    upstreams.insert(upstreams.end(), one.snapshot->upstreams.begin(), one.snapshot->upstreams.end());
  }
  target_discovery_.watch(configs, metrics);
  followed_ = std::move(snapshots);
  health_checks_.watch(std::move(upstreams));
  return follow_hosts();
}

// Looks up the names of the targets of the snapshots and of discovered targets. The snapshots have the same
// settings for lookups.
Status NameService::follow_hosts() {
  std::set<std::string> hosts = target_discovery_.hosts();
  for (const auto& snapshot : followed_) hosts.insert(snapshot->hosts.begin(), snapshot->hosts.end());
  Status followed = discovery_.watch(hosts, followed_.front()->dns);
  answers_.wake_all();  // tasks may wait for names that are not followed any more
  return followed;
}

bool NameService::settled() const {
  return target_discovery_.settled() && discovery_.settled() && giving_ == 0;
}

Task<void> NameService::settle() {
  const Clock::time_point deadline = Clock::now() + patience_;
  while (!settled() && Clock::now() < deadline) co_await answers_.wait(time_until(deadline, loop_));
}

// Passes a list of targets on to the workers when the addresses of its names are known: a target without an
// address must not replace one that has an address.
Task<void> NameService::give_discovered(std::string upstream,
                                        std::shared_ptr<const upstream::TargetList> targets) {
  ++giving_;
  if (!followed_.empty()) (void)follow_hosts();
  const Clock::time_point deadline = Clock::now() + patience_;
  while (!discovery_.settled() && Clock::now() < deadline)
    co_await answers_.wait(time_until(deadline, loop_));
  --giving_;
  answers_.wake_all();
  if (target_discovery_.targets_of(upstream) != targets) co_return;  // a later list has arrived
  health_checks_.set_discovered(upstream, targets);
  fleet_.set_discovered(upstream, targets);
}

proxy::KnownTargets NameService::known() const {
  proxy::KnownTargets out;
  discovery_.for_each([&](const std::string& host, const upstream::Addresses& addresses) {
    out.addresses[host] = addresses;
  });
  target_discovery_.for_each(
      [&](const std::string& upstream, const std::shared_ptr<const upstream::TargetList>& targets) {
        out.discovered[upstream] = targets;
      });
  return out;
}

}  // namespace portcullis::control
