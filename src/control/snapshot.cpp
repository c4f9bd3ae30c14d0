#include "control/snapshot.h"

#include <algorithm>
#include <map>

#include "control/earlier_elements.h"
#include "control/error_setup.h"
#include "control/listener_setup.h"
#include "control/recording_setup.h"
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

void add_consumers(const RouteCompiler& routes, telemetry::Registry& metrics, const Compiled* before,
                   proxy::Snapshot& snapshot) {
  snapshot.consumers = routes.consumers();
  if (before != nullptr) {
    snapshot.consumer_metrics = before->snapshot.consumer_metrics;
    snapshot.groups = before->snapshot.groups;
    return;
  }
  for (const identity::Consumer& consumer : snapshot.consumers->consumers())
    snapshot.consumer_metrics.push_back(metrics.consumer(consumer.name));
  snapshot.groups = groups_of(*snapshot.consumers);
}

void add_routes(const config::Config& config, RouteCompiler& compiler, proxy::Snapshot& snapshot) {
  snapshot.routes.reserve(config.routes.size());
  for (size_t i = 0; i < config.routes.size(); ++i) {
    snapshot.routes.add(compiler.compile(config.routes[i]));
    for (const config::Predicate& condition : config.routes[i].match.headers)
      snapshot.matched_fields.add(condition.name);
  }
  snapshot.shared_policies = compiler.shared_policies();
}

void add_table(const config::Config& config, proxy::Snapshot& snapshot, std::function<void()>* fill_later) {
  const auto table = std::make_shared<routing::RouteTable>(std::vector<routing::RouteRule>());
  snapshot.table = table;
  const auto rules = std::make_shared<std::vector<routing::RouteRule>>(route_rules(config));
  const auto fill = [table, rules] { *table = routing::RouteTable(std::move(*rules)); };
  if (fill_later != nullptr)
    *fill_later = fill;
  else
    fill();
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
                     telemetry::Registry& metrics, Kept& kept, const Compiled* before,
                     proxy::Snapshot& snapshot) {
  const config::SharedList<config::Upstream> none;
  EarlierElements earlier(before == nullptr ? none : before->config.upstreams);
  for (size_t i = 0; i < config.upstreams.size(); ++i) {
    const config::Upstream& upstream = config.upstreams[i];
    if (const auto same = earlier.find(upstream)) {
      const auto& compiled = before->snapshot.upstreams[*same];
      if (compiled->subsets == subsets[i]) {
        add_hosts(compiled->targets, snapshot.hosts);
        snapshot.upstreams.push_back(compiled);
        continue;
      }
    }
    auto compiled =
        compile_upstream(upstream, config, std::move(subsets[i]), metrics, kept.tls, kept.upstreams);
    if (!compiled) return Error{"upstream `" + upstream.name + "`: " + compiled.error().message};
    add_hosts(compiled->targets, snapshot.hosts);
    snapshot.upstreams.push_back(std::make_shared<const upstream::UpstreamDefinition>(std::move(*compiled)));
  }
  return {};
}

}  // namespace

void Kept::keep_only(const config::Config& config) {
  forget_others(config.upstreams, upstreams);
  rollbacks.keep_only(config.routes);
}

Result<std::shared_ptr<const proxy::Snapshot>> compile_snapshot(
    const config::Config& config, uint64_t revision, telemetry::Registry& metrics, policy::Services& services,
    Kept& kept, const Compiled* before, std::function<void()>* fill_table) {
  policy::declare_metrics(metrics.of_policies());
  auto snapshot = std::make_shared<proxy::Snapshot>(revision);
  snapshot->responses = metrics.revision(revision);
  snapshot->revision_header = config.revision_header;
  snapshot->side_pool = &services.get<policy::SideWork>().pool();
  RouteCompiler routes(config, metrics, services, kept.rollbacks, before);
  add_routes(config, routes, *snapshot);
  if (const Status added = add_listeners(config, metrics, kept, *snapshot); !added) return added.error();
  if (const Status added = add_upstreams(config, routes.subsets(), metrics, kept, before, *snapshot); !added)
    return added.error();
  add_consumers(routes, metrics, before, *snapshot);
  snapshot->unrouted = routes.unrouted();
  add_process_settings(config, *snapshot);
  snapshot->errors = compile_errors(config);
  add_recording(config, services.workers(), kept.recording, *snapshot);
  add_table(config, *snapshot, fill_table);
  return std::shared_ptr<const proxy::Snapshot>(std::move(snapshot));
}

}  // namespace portcullis::control
