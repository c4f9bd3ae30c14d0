#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/diagnostics.h"
#include "config/model.h"
#include "control/tls_setup.h"
#include "policy/limit_key.h"
#include "telemetry/metrics.h"
#include "upstream/definition.h"

namespace portcullis::control {

// What upstreams and the routes to them say, compiled. Control thread.

// What reloads keep of upstreams, by name.
struct UpstreamState {
  std::shared_ptr<upstream::UpstreamHealth> health = std::make_shared<upstream::UpstreamHealth>();
  std::shared_ptr<upstream::Breaker> breaker = std::make_shared<upstream::Breaker>();
};
using UpstreamBook = std::map<std::string, UpstreamState>;

// Which of an upstream's subsets a route's is. One that is not known yet is added; the first is all targets.
size_t subset_index(std::vector<upstream::Metadata>& known, const config::TextMap& subset);
upstream::TargetDefinition compile_target(const std::string& upstream, const config::Target& target,
                                          const std::string& zone, telemetry::Registry& metrics);
// The names that targets are known by.
void add_hosts(const upstream::TargetList& targets, std::set<std::string>& hosts);
// `subsets`: what its routes choose from.
Result<upstream::UpstreamDefinition> compile_upstream(const config::Upstream& upstream,
                                                      const config::Config& config,
                                                      std::vector<upstream::Metadata> subsets,
                                                      telemetry::Registry& metrics, TlsState& tls,
                                                      UpstreamBook& book);
// What upstreams with a circuit breaker bear now.
std::vector<telemetry::BreakerState> breaker_states(
    const std::vector<std::shared_ptr<const upstream::UpstreamDefinition>>& upstreams);
// A route whose subset this is may use the target.
bool belongs(const config::Target& target, const config::TextMap& subset);
// By what requests are hashed; none where the upstream's balancer does not hash.
std::optional<policy::LimitKey> hash_key_of(const config::Upstream& upstream);

// Names hash keys that are none, and routes whose subset no target is in.
void check_upstreams(const config::Config& config, config::Diagnostics& diagnostics);

}  // namespace portcullis::control
