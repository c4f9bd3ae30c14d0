#include "control/snapshot.h"

#include <algorithm>
#include <map>

#include "control/listener_setup.h"
#include "control/route_setup.h"
#include "control/upstream_setup.h"
#include "policy/registry.h"
#include "policy/side_work.h"

namespace portcullis::control {
namespace {

std::optional<proxy::TracingRules> tracing_rules(const config::Tracing& told) {
  if (told.endpoint.empty()) return std::nullopt;
  proxy::TracingRules out;
  out.sampling = told;
  const auto has = [&](config::TraceForm form) {
    return std::find(told.propagate.begin(), told.propagate.end(), form) != told.propagate.end();
  };
  out.propagation = {has(config::TraceForm::kW3c), has(config::TraceForm::kB3),
                     has(config::TraceForm::kB3Multi)};
  return out;
}

std::vector<telemetry::Group> groups_of(const identity::Directory& consumers) {
  std::map<std::string, std::vector<std::string>> members;
  for (const identity::Consumer& consumer : consumers.consumers()) {
    for (const std::string& group : consumer.groups) members[group].push_back(consumer.name);
  }
  std::vector<telemetry::Group> out;
  out.reserve(members.size());
  for (auto& [name, its] : members) out.push_back({name, std::move(its)});
  return out;
}

// Compiles what belongs to no single route, listener or upstream.
void add_process_settings(const config::Config& config, proxy::Snapshot& snapshot) {
  snapshot.dns = config.dns;
  snapshot.log_format = telemetry::LogFormat(config.access_log);
  snapshot.tracing = tracing_rules(config.tracing);
  snapshot.drain_timeout = config.drain_timeout;
  snapshot.max_lag = config.overload.enabled ? config.overload.lag : Milliseconds(0);
}

void add_consumers(const RouteCompiler& routes, telemetry::Registry& metrics, proxy::Snapshot& snapshot) {
  snapshot.consumers = routes.consumers();
  for (const identity::Consumer& consumer : snapshot.consumers->consumers())
    snapshot.consumer_metrics.push_back(metrics.consumer(consumer.name));
  snapshot.groups = groups_of(*snapshot.consumers);
}

void add_routes(const config::Config& config, RouteCompiler& compiler, proxy::Snapshot& snapshot) {
  snapshot.routes.reserve(config.routes.size());
  for (const config::Route& route : config.routes) {
    snapshot.routes.push_back(compiler.compile(route));
    for (const config::Predicate& condition : route.match.headers)
      snapshot.matched_fields.add(condition.name);
  }
  snapshot.shared_policies = compiler.shared_policies();
}

Status add_listeners(const config::Config& config, telemetry::Registry& metrics, Kept& kept,
                     proxy::Snapshot& snapshot) {
  for (const config::Listener& listener : config.listeners) {
    auto compiled = compile_listener(listener, metrics, kept.tls, kept.address_counts);
    if (!compiled) return Error{"listener `" + listener.name + "`: " + compiled.error().message};
    snapshot.listeners.push_back(std::move(*compiled));
  }
  return {};
}

Status add_upstreams(const config::Config& config, std::vector<Subsets>& subsets,
                     telemetry::Registry& metrics, Kept& kept, proxy::Snapshot& snapshot) {
  for (size_t i = 0; i < config.upstreams.size(); ++i) {
    const config::Upstream& upstream = config.upstreams[i];
    auto compiled =
        compile_upstream(upstream, config, std::move(subsets[i]), metrics, kept.tls, kept.upstreams);
    if (!compiled) return Error{"upstream `" + upstream.name + "`: " + compiled.error().message};
    add_hosts(compiled->targets, snapshot.hosts);
    snapshot.upstreams.push_back(std::make_shared<const upstream::UpstreamDefinition>(std::move(*compiled)));
  }
  forget_others(config.upstreams, kept.upstreams);
  return {};
}

}  // namespace

Result<std::shared_ptr<const proxy::Snapshot>> compile_snapshot(const config::Config& config,
                                                                uint64_t version,
                                                                telemetry::Registry& metrics,
                                                                policy::Services& services, Kept& kept) {
  policy::declare_metrics(metrics.of_policies());
  auto snapshot = std::make_shared<proxy::Snapshot>(version, route_rules(config));
  snapshot->side_pool = &services.get<policy::SideWork>().pool();
  RouteCompiler routes(config, metrics, services, kept.rollbacks);
  add_routes(config, routes, *snapshot);
  if (const Status added = add_listeners(config, metrics, kept, *snapshot); !added) return added.error();
  if (const Status added = add_upstreams(config, routes.subsets(), metrics, kept, *snapshot); !added)
    return added.error();
  kept.rollbacks.settle();
  add_consumers(routes, metrics, *snapshot);
  snapshot->unrouted = routes.unrouted();
  add_process_settings(config, *snapshot);
  return std::shared_ptr<const proxy::Snapshot>(std::move(snapshot));
}

}  // namespace portcullis::control
