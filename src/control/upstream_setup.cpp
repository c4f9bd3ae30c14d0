#include "control/upstream_setup.h"

#include <algorithm>

#include "base/name_index.h"

namespace portcullis::control {
namespace {

using upstream::Metadata;

Metadata sorted(const config::TextMap& map) {
  Metadata out(map.begin(), map.end());
  std::sort(out.begin(), out.end());
  return out;
}

// Compiles the address of a target: "host:port" with a host name is looked up, any other text is an address.
std::variant<SocketAddress, HostPort> compile_place(const std::string& text) {
  if (auto address = SocketAddress::parse(text)) return *address;
  return *split_host_port(text);
}

// What the health check of an upstream does.
upstream::CheckKind kind_of(const config::HealthCheck& check) {
  using upstream::CheckKind;
  if (!check.enabled()) return CheckKind::kNone;
  if (check.has_grpc()) return CheckKind::kGrpc;
  return check.path.empty() ? CheckKind::kTcp : CheckKind::kHttp;
}

}  // namespace

upstream::TargetDefinition compile_target(const std::string& upstream, const config::Target& target,
                                          const std::string& zone, telemetry::Registry& metrics) {
  const bool elsewhere = !zone.empty() && target.zone != zone;
  return {.name = target.address,
          .place = compile_place(target.address),
          .weight = static_cast<uint32_t>(target.weight),
          .metrics = metrics.target(upstream, target.address),
          .rank = static_cast<uint32_t>(target.priority * 2 + (elsewhere ? 1 : 0)),
          .metadata = sorted(target.metadata)};
}

void add_hosts(const upstream::TargetList& targets, std::set<std::string>& hosts) {
  for (const upstream::TargetDefinition& target : targets) {
    if (const auto* name = std::get_if<HostPort>(&target.place)) hosts.insert(name->host);
  }
}

Result<upstream::UpstreamDefinition> compile_upstream(const config::Upstream& upstream,
                                                      const config::Config& config, Subsets subsets,
                                                      telemetry::Registry& metrics, TlsState& tls,
                                                      UpstreamBook& book) {
  upstream::UpstreamDefinition definition;
  definition.name = upstream.name;
  definition.balance = upstream.balance;
  for (const config::Target& target : upstream.targets)
    definition.targets.push_back(compile_target(upstream.name, target, config.zone, metrics));
  definition.discovers = upstream.discover.enabled();
  definition.timeouts = upstream.timeouts;
  definition.slow_start = upstream.slow_start;
  const UpstreamState& kept = book[upstream.name];
  definition.health = kept.health;
  definition.breaker = kept.breaker;
  definition.limits = upstream.circuit_breaker;
  definition.hedging = upstream.hedge;
  definition.ejection = upstream.outlier_ejection;
  definition.check_kind = kind_of(upstream.health_check);
  definition.health_check = upstream.health_check;
  definition.retries = upstream.retries;
  definition.response_limits = upstream.limits;
  definition.response_limits.lenient = upstream.lenient_responses;
  definition.keepalive = upstream.tcp_keepalive;
  definition.panic_threshold = upstream.panic_threshold;
  definition.protocol = upstream.protocol;
  definition.http2 = upstream.http2;
  definition.proxy_protocol = upstream.proxy_protocol;
  definition.sticky = upstream.sticky;
  definition.subsets = std::move(subsets);
  if (!upstream.tls.enabled()) return definition;
  auto context = make_client_context(upstream, tls);
  if (!context) return context.error();
  definition.tls = std::move(*context);
  definition.server_name = upstream.tls.server_name;
  return definition;
}

std::vector<telemetry::BreakerState> breaker_states(
    const std::vector<std::shared_ptr<const upstream::UpstreamDefinition>>& upstreams) {
  std::vector<telemetry::BreakerState> out;
  for (const auto& upstream : upstreams) {
    for (size_t i = 0; i < upstream::kLoads; ++i) {
      const auto load = static_cast<upstream::Load>(i);
      if (upstream->limits.of(load) == 0) continue;
      out.push_back({upstream->name, std::string(portcullis::name_of(load)), upstream->limits.of(load),
                     upstream->breaker->in_use(load), upstream->breaker->refused(load)});
    }
  }
  return out;
}

size_t subset_index(Subsets& known, const config::TextMap& subset) {
  if (subset.empty()) return 0;
  Metadata wanted = sorted(subset);
  const auto found = std::find(known.begin(), known.end(), wanted);
  const auto index = static_cast<size_t>(found - known.begin());
  if (found == known.end()) known.push_back(std::move(wanted));
  return index;
}

std::optional<policy::LimitKey> hash_key_of(const config::Upstream& upstream) {
  if (!upstream::uses_key(upstream.balance)) return std::nullopt;
  return policy::LimitKey(upstream.hash_key);
}

void forget_others(const config::SharedList<config::Upstream>& upstreams, UpstreamBook& book) {
  const NameIndex names = index_names(upstreams);
  std::erase_if(book, [&](const auto& one) { return names.find(one.first) == NameIndex::kNone; });
}

}  // namespace portcullis::control
