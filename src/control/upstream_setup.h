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

// Compiles upstreams and the settings of routes for them. Control thread.

// The state of an upstream that reloads keep, by name.
struct UpstreamState {
  std::shared_ptr<upstream::UpstreamHealth> health = std::make_shared<upstream::UpstreamHealth>();
  std::shared_ptr<upstream::Breaker> breaker = std::make_shared<upstream::Breaker>();
};
using UpstreamBook = std::map<std::string, UpstreamState>;

// The subsets of an upstream's targets that routes choose from; the first one has all targets.
using Subsets = std::vector<upstream::Metadata>;

// The index of a route's subset among the subsets of its upstream. A subset that is not known yet is added.
// Index 0 stands for all targets.
size_t subset_index(Subsets& known, const config::TextMap& subset);
upstream::TargetDefinition compile_target(const std::string& upstream, const config::Target& target,
                                          const std::string& zone, telemetry::Registry& metrics);
// Adds the host names among the addresses of targets.
void add_hosts(const upstream::TargetList& targets, std::set<std::string>& hosts);
// Compiles an upstream. `subsets` are the subsets that routes choose from.
Result<upstream::UpstreamDefinition> compile_upstream(const config::Upstream& upstream,
                                                      const config::Config& config, Subsets subsets,
                                                      telemetry::Registry& metrics, TlsState& tls,
                                                      UpstreamBook& book);
// The present states of upstreams with a circuit breaker.
std::vector<telemetry::BreakerState> breaker_states(
    const std::vector<std::shared_ptr<const upstream::UpstreamDefinition>>& upstreams);
// The key by which requests are hashed; nothing when the balancer of the upstream does not hash.
std::optional<policy::LimitKey> hash_key_of(const config::Upstream& upstream);

// Removes the states of upstreams that are not configured any more.
void forget_others(const config::SharedList<config::Upstream>& upstreams, UpstreamBook& book);

}  // namespace portcullis::control
