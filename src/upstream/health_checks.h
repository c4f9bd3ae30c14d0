#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/say.h"
#include "runtime/task.h"
#include "upstream/upstream.h"

namespace portcullis::upstream {

// Checks the health of targets, as their upstreams are configured, and judges at the end of each interval how
// they have answered. Logs which targets go down, recover, and are ejected. One object per process, on the
// control thread's loop; workers see the results at once.
class HealthChecks {
 public:
  using OnEjection = std::function<void(const std::string& upstream, const UpstreamHealth::EjectionNews&)>;

  // `on_ejection`, which may be empty, is called when a target is ejected, and when its ejection has ended.
  explicit HealthChecks(EventLoop& loop, OnEjection on_ejection = {});
  ~HealthChecks();

  // Replaces the set of upstreams to check. Unchanged checks continue. Of several upstreams with one name,
  // which share their health, the first one says how a target that they have in common is checked.
  void watch(std::vector<std::shared_ptr<const UpstreamDefinition>> upstreams);
  // Sets the addresses of `host`.
  void set_addresses(const std::string& host, const Addresses& addresses);
  // Sets the discovered targets of an upstream.
  void set_discovered(const std::string& upstream, std::shared_ptr<const TargetList> targets);
  // The states of all upstreams' targets.
  std::vector<telemetry::TargetState> states() const;

 private:
  class Probe;
  class Judge;
  class News;
  void arrange();

  EventLoop& loop_;
  const OnEjection on_ejection_;
  std::vector<std::shared_ptr<const UpstreamDefinition>> upstreams_;
  std::map<std::string, Addresses> addresses_;
  std::map<std::string, std::shared_ptr<const TargetList>> discovered_;  // by upstream
  std::map<std::string, std::unique_ptr<Probe>> probes_;                 // by upstream and address
  std::map<std::string, std::unique_ptr<Judge>> judges_;                 // by upstream
  std::unique_ptr<News> news_;
};

// Performs one check. The result is "" when it has passed, otherwise the reason.
Task<std::string> check_target(EventLoop& loop, const UpstreamDefinition& upstream,
                               const SocketAddress& address, const std::string& name);

}  // namespace portcullis::upstream
