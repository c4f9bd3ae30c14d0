#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/say.h"
#include "runtime/task.h"
#include "upstream/upstream.h"

namespace portcullis::upstream {

// Asks targets for their health, as their upstreams say, and judges how they have answered at the end of each
// interval. Tells the operator which targets go down, come back, and are ejected. One for the process, on the
// control thread's loop; what it finds is the workers' at once.
class HealthChecks {
 public:
  explicit HealthChecks(EventLoop& loop);
  ~HealthChecks();

  // From now on these upstreams, and no others. Checks that stay the same go on.
  void watch(std::vector<std::shared_ptr<const UpstreamDefinition>> upstreams);
  // From now on `host` stands for these addresses.
  void set_addresses(const std::string& host, const Addresses& addresses);
  // From now on these are the targets that have been discovered for the upstream of that name.
  void set_discovered(const std::string& upstream, std::shared_ptr<const TargetList> targets);
  // Of all upstreams' targets.
  std::vector<telemetry::TargetState> states() const;

 private:
  class Probe;
  class Judge;
  class News;
  void arrange();

  EventLoop& loop_;
  std::vector<std::shared_ptr<const UpstreamDefinition>> upstreams_;
  std::map<std::string, Addresses> addresses_;
  std::map<std::string, std::shared_ptr<const TargetList>> discovered_;  // by upstream
  std::map<std::string, std::unique_ptr<Probe>> probes_;                 // by upstream and address
  std::map<std::string, std::unique_ptr<Judge>> judges_;                 // by upstream
  std::unique_ptr<News> news_;
};

// The outcome of one check: "" when it has passed, else why not.
Task<std::string> check_target(EventLoop& loop, const UpstreamDefinition& upstream,
                               const SocketAddress& address, const std::string& name);

}  // namespace portcullis::upstream
