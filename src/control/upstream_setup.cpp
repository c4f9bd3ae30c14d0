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

// "host:port" with a name for a host is looked up; all else is an address.
std::variant<SocketAddress, HostPort> compile_place(const std::string& text) {
  if (auto address = SocketAddress::parse(text)) return *address;
  return *split_host_port(text);
}

// What the routes choose from an upstream; the first is everything.
std::vector<Metadata> subsets_of(const config::Config& config, const std::string& upstream) {
  std::vector<Metadata> out{Metadata{}};
  for (const config::Route& route : config.routes) {
    if (route.upstream != upstream) continue;
    Metadata wanted = sorted(route.subset);
    if (std::find(out.begin(), out.end(), wanted) == out.end()) out.push_back(std::move(wanted));
  }
  return out;
}

bool hashes(config::Balance balance) {
  return balance == config::Balance::kRingHash || balance == config::Balance::kMaglev;
}

}  // namespace

Result<upstream::UpstreamDefinition> compile_upstream(const config::Upstream& upstream, const config::Config& config,
                                                      telemetry::Registry& metrics, TlsState& tls) {
  upstream::UpstreamDefinition definition;
  definition.name = upstream.name;
  definition.balance = static_cast<upstream::Balance>(upstream.balance);
  for (const config::Target& target : upstream.targets) {
    const bool elsewhere = !config.zone.empty() && target.zone != config.zone;
    definition.targets.push_back({.name = target.address,
                                  .place = compile_place(target.address),
                                  .weight = static_cast<uint32_t>(target.weight),
                                  .metrics = metrics.target(upstream.name, target.address),
                                  .rank = static_cast<uint32_t>(target.priority * 2 + (elsewhere ? 1 : 0)),
                                  .metadata = sorted(target.metadata)});
  }
  definition.connect_timeout = upstream.timeouts.connect;
  definition.response_timeout = upstream.timeouts.response;
  definition.idle_timeout = upstream.timeouts.idle;
  definition.slow_start = upstream.slow_start;
  definition.proxy_protocol = static_cast<upstream::ProxyProtocol>(upstream.proxy_protocol);
  definition.sticky = {upstream.sticky.cookie, upstream.sticky.key,
                       std::chrono::floor<std::chrono::seconds>(upstream.sticky.ttl)};
  definition.subsets = subsets_of(config, upstream.name);
  if (!upstream.tls.enabled()) return definition;
  auto context = make_client_context(upstream.tls, tls);
  if (!context) return context.error();
  definition.tls = std::move(*context);
  definition.server_name = upstream.tls.server_name;
  return definition;
}

bool belongs(const config::Target& target, const config::TextMap& subset) {
  const Metadata has = sorted(target.metadata), wanted = sorted(subset);
  return std::includes(has.begin(), has.end(), wanted.begin(), wanted.end());
}

size_t subset_index(const config::Config& config, const config::Route& route) {
  const std::vector<Metadata> all = subsets_of(config, route.upstream);
  return static_cast<size_t>(std::find(all.begin(), all.end(), sorted(route.subset)) - all.begin());
}

std::optional<policy::LimitKey> hash_key_of(const config::Upstream& upstream) {
  if (!hashes(upstream.balance)) return std::nullopt;
  return policy::LimitKey(upstream.hash_key);
}

void check_upstreams(const config::Config& config, config::Diagnostics& diagnostics) {
  for (const config::Upstream& upstream : config.upstreams) {
    if (const std::string problem = policy::LimitKey::check(upstream.hash_key); !problem.empty())
      diagnostics.error(upstream.hash_key_location, problem);
  }
  for (const config::Route& route : config.routes) {
    if (route.subset.empty()) continue;
    for (const config::Upstream& upstream : config.upstreams) {
      if (upstream.name != route.upstream) continue;
      const bool any = std::any_of(upstream.targets.begin(), upstream.targets.end(),
                                   [&](const config::Target& one) { return belongs(one, route.subset); });
      if (!any)
        diagnostics.error(route.location, "no target of `" + upstream.name + "` has the metadata of the `subset` of `" +
                                              route.name + "`");
    }
    if (route.upstream.empty())
      diagnostics.error(route.location, "`" + route.name + "` has a `subset` of targets, but no `upstream`");
  }
}

}  // namespace portcullis::control
