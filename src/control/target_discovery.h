#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "config/model.h"
#include "discovery/source.h"
#include "telemetry/metrics.h"
#include "upstream/definition.h"

namespace portcullis::control {

// The targets that upstreams learn from elsewhere. Lives on the control thread's loop.
class TargetDiscovery {
 public:
  // Called with the whole list of an upstream's, whenever it has changed.
  using OnTargets =
      std::function<void(const std::string& upstream, std::shared_ptr<const upstream::TargetList> targets)>;

  TargetDiscovery(discovery::Environment environment, OnTargets on_targets)
      : environment_(std::move(environment)), on_targets_(std::move(on_targets)) {}

  // From now on what this configuration says. Sources that stay the same go on.
  void watch(const config::Config& config, telemetry::Registry& metrics);
  // What has been found for an upstream; null: nothing yet, or it is not looked for.
  std::shared_ptr<const upstream::TargetList> targets_of(const std::string& upstream) const;
  // Calls visit(upstream, targets) for each for which something has been found.
  void for_each(const OnTargets& visit) const;
  // Every source has been asked at least once, well or not.
  bool settled() const;
  // The names that targets are known by.
  std::set<std::string> hosts() const;

 private:
  struct Entry {
    config::Discover told;
    std::string upstream;
    discovery::Source::Targets targets;
    std::shared_ptr<const upstream::TargetList> compiled;
    std::unique_ptr<discovery::Source> source;  // before what it speaks to goes
  };
  void compile(Entry& entry);

  discovery::Environment environment_;
  OnTargets on_targets_;
  telemetry::Registry* metrics_ = nullptr;
  std::string zone_;
  std::map<std::string, std::unique_ptr<Entry>> entries_;  // by upstream
};

}  // namespace portcullis::control
