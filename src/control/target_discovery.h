#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "config/model.h"
#include "discovery/source.h"
#include "telemetry/metrics.h"
#include "upstream/definition.h"

namespace portcullis::control {

// Discovers the targets of upstreams from external sources. Lives on the control thread's loop.
class TargetDiscovery {
 public:
  // Called with the whole list of an upstream's targets whenever it has changed.
  using OnTargets =
      std::function<void(const std::string& upstream, std::shared_ptr<const upstream::TargetList> targets)>;

  TargetDiscovery(discovery::Environment environment, OnTargets on_targets)
      : environment_(std::move(environment)), on_targets_(std::move(on_targets)) {}

  // Follows the sources of these configurations from now on. Sources that stay the same go on. Upstreams of
  // the same name must have the same source.
  void watch(const std::vector<const config::Config*>& configs, telemetry::Registry& metrics);
  // The targets that have been found for an upstream; null when none have been found yet, or when the
  // upstream has no source.
  std::shared_ptr<const upstream::TargetList> targets_of(const std::string& upstream) const;
  // Calls visit(upstream, targets) for each upstream whose targets have been found.
  void for_each(const OnTargets& visit) const;
  // True when every source has been asked at least once, successfully or not.
  bool settled() const;
  // The host names among the addresses of the found targets.
  std::set<std::string> hosts() const;

 private:
  struct Entry {
    config::Discover told;
    std::string upstream;
    discovery::Source::Targets targets;
    std::shared_ptr<const upstream::TargetList> compiled;
    std::unique_ptr<discovery::Source> source;  // destroyed before the members that it refers to
  };
  using Entries = std::map<std::string, std::unique_ptr<Entry>>;  // by the name of the upstream
  void follow(const config::Upstream& upstream, Entries& before);
  void compile(Entry& entry);

  discovery::Environment environment_;
  OnTargets on_targets_;
  telemetry::Registry* metrics_ = nullptr;
  std::string zone_;
  Entries entries_;
};

}  // namespace portcullis::control
