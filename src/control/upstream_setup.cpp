#include "control/upstream_setup.h"

#include <algorithm>

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
                                                      const config::Config& config,
                                                      std::vector<Metadata> subsets,
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

bool belongs(const config::Target& target, const config::TextMap& subset) {
  const Metadata has = sorted(target.metadata), wanted = sorted(subset);
  return std::includes(has.begin(), has.end(), wanted.begin(), wanted.end());
}

size_t subset_index(std::vector<Metadata>& known, const config::TextMap& subset) {
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

namespace {

// Checks that there is one source of targets, and checks its content if that is available now.
void check_discovery(const config::Discover& told, config::Diagnostics& diagnostics) {
  const bool consul = !told.consul.service.empty(), etcd = !told.etcd.prefix.empty();
  if (!told.srv.empty() + !told.file.empty() + consul + etcd != 1)
    diagnostics.error(told.location, "`discover` needs exactly one of `srv`, `file`, `consul` and `etcd`");
  if (told.file.empty()) return;
  const auto targets = config::read_targets(told.location.beside(told.file), diagnostics);
  if (!targets)
    diagnostics.error(told.location, "cannot read `" + told.file + "`: " + targets.error().message);
}

}  // namespace

void check_upstreams(const config::Config& config, config::Diagnostics& diagnostics) {
  for (const config::Upstream& upstream : config.upstreams) {
    if (const std::string problem = policy::LimitKey::check(upstream.hash_key); !problem.empty())
      diagnostics.error(upstream.hash_key_location, problem);
    if (upstream.discover.enabled()) check_discovery(upstream.discover, diagnostics);
    const config::HealthCheck& asked = upstream.health_check;
    constexpr std::chrono::milliseconds kMin{10};
    if (asked.enabled() && (asked.interval < kMin || asked.timeout < kMin))
      diagnostics.error(asked.location, "`interval` and `timeout` of a health check must be at least 10ms");
    if (asked.has_grpc() && !asked.path.empty())
      diagnostics.error(asked.grpc_location, "a health check has both `path` and `grpc`: remove one of them");
    if (asked.has_grpc() && upstream.protocol == config::Protocol::kHttp1)
      diagnostics.error(asked.grpc_location, "gRPC needs `protocol: http2` in `" + upstream.name + "`");
    if (upstream.protocol == config::Protocol::kAuto && !upstream.tls.enabled())
      diagnostics.error(upstream.protocol_location,
                        "`protocol: auto` chooses the protocol in the TLS handshake, and upstream `" +
                            upstream.name + "` has no `tls`: write `http1` or `http2`, or add `tls`");
    if (upstream.protocol != config::Protocol::kHttp1 &&
        upstream.proxy_protocol != config::ProxyProtocol::kNone)
      diagnostics.error(upstream.protocol_location,
                        "`proxy_protocol` cannot be used with HTTP/2: its header names one client, and a "
                        "connection of HTTP/2 has requests of many clients");
    if (upstream.circuit_breaker.pending > 0 && upstream.circuit_breaker.connections == 0)
      diagnostics.error(upstream.location,
                        "`pending` of `circuit_breaker` needs `connections`: it limits how many requests "
                        "wait for one of these connections");
    if (upstream.outlier_ejection.interval < kMin)
      diagnostics.error(upstream.location, "`interval` of `outlier_ejection` must be at least 10ms");
  }
  const auto check_subset = [&](const config::TextMap& subset, const std::string& name,
                                const config::Location& place, const std::string& whose) {
    if (subset.empty()) return;
    for (const config::Upstream& upstream : config.upstreams) {
      // The targets that will be discovered are not known.
      if (upstream.name != name || upstream.discover.enabled()) continue;
      const bool any = std::any_of(upstream.targets.begin(), upstream.targets.end(),
                                   [&](const config::Target& one) { return belongs(one, subset); });
      if (!any)
        diagnostics.error(place, "no target of `" + upstream.name +
                                     "` has the metadata of the `subset` of `" + whose + "`");
    }
  };
  for (const config::Route& route : config.routes) {
    for (const config::Branch& branch : route.split)
      check_subset(branch.subset, branch.upstream, branch.location, branch.label());
    check_subset(route.subset, route.upstream, route.location, route.name);
    if (!route.subset.empty() && route.upstream.empty() && route.split.empty())
      diagnostics.error(route.location, "`" + route.name + "` has a `subset` of targets, but no `upstream`");
  }
}

}  // namespace portcullis::control
