#include "control/snapshot.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "config/field_types.h"
#include "config/loader.h"
#include "control/split_setup.h"
#include "control/upstream_setup.h"
#include "control/warnings/warnings.h"
#include "policy/condition.h"
#include "policy/registry.h"
#include "policy/services.h"
#include "policy/side_work.h"
#include "telemetry/log_sink.h"

namespace portcullis::control {
namespace {

constexpr uint64_t kMinSendBuffer = 16 << 10;

Result<proxy::ListenerSettings> compile_listener(const config::Listener& listener,
                                                 telemetry::Registry& metrics, Kept& kept) {
  proxy::ListenerSettings settings;
  settings.name = listener.name;
  settings.address = *SocketAddress::parse(listener.address);
  settings.address_text = settings.address.to_string();
  settings.rights = {config::mode_of(listener.mode), listener.group};
  settings.limits = listener.limits;
  settings.limits.strict_targets = listener.strict_targets;
  settings.limits.send_buffer = std::max(listener.limits.send_buffer, kMinSendBuffer);
  settings.timeouts = listener.timeouts;
  settings.http2 = listener.http2;
  settings.half_close = listener.half_close ? proxy::HalfClose::kIsServed : proxy::HalfClose::kLeaves;
  for (const std::string& range : listener.trusted_proxies)
    settings.forwarding.trusted_proxies.push_back(*IpRange::parse(range));
  settings.forwarding.form = listener.forwarded;
  settings.forwarding.via = listener.via;
  settings.forwarding.drop_from_untrusted = http::FieldNames(listener.drop_from_untrusted);
  settings.request_trailers = http::FieldNames(listener.trailers.request);
  settings.response_trailers = http::FieldNames(listener.trailers.response);
  settings.path_rules = {listener.ambiguous_paths, listener.merge_slashes};
  settings.address_counts = kept.address_counts;
  settings.metrics = metrics.listener(listener.address);
  settings.keepalive = listener.tcp_keepalive;
  for (const std::string& range : listener.proxy_protocol)
    settings.proxy_protocol.push_back(*IpRange::parse(range));
  settings.https_port = static_cast<uint16_t>(listener.redirect_to_https.port);
  if (!listener.tls.enabled()) return settings;
  auto context = make_server_context(listener, kept.tls);
  if (!context) return context.error();
  settings.tls = std::move(*context);
  settings.hsts = hsts_of(listener.tls.hsts);
  settings.forward_client_certificate = listener.tls.forward_client_certificate;
  return settings;
}

bool lists_trace(const std::vector<std::string>& methods) {
  return std::any_of(methods.begin(), methods.end(),
                     [](const std::string& method) { return method == "TRACE" || method == "TRACK"; });
}

}  // namespace

namespace {

// Makes the rules of routes.
class Rules {
 public:
  explicit Rules(const config::Config& config)
      : addresses_(config.listeners), shared_answers_(answers(config.policies)) {}

  routing::RouteRule of(const std::shared_ptr<const config::Route>& route) const {
    std::vector<std::string> listeners;
    for (const std::string& name : route->match.listeners) {
      const std::string* address = addresses_.find(name);
      // The name of an unknown listener, which the check refuses, is kept, because without listeners the
      // route would be for all of them.
      listeners.push_back(address != nullptr ? *address : name);
    }
    return {std::shared_ptr<const routing::Match>(route, &route->match),
            shared_answers_ || answers(route->policies), std::move(listeners)};
  }

 private:
  static bool answers(const std::vector<config::PolicyUse>& uses) {
    return std::any_of(uses.begin(), uses.end(),
                       [](const config::PolicyUse& use) { return use.traits.answers_preflights; });
  }

  const config::ListenerAddresses addresses_;
  const bool shared_answers_;
};

}  // namespace

std::vector<routing::RouteRule> route_rules(const config::Config& config) {
  const Rules rules(config);
  std::vector<routing::RouteRule> out;
  out.reserve(config.routes.size());
  for (size_t i = 0; i < config.routes.size(); ++i) out.push_back(rules.of(config.routes.share(i)));
  return out;
}

namespace {

// Reports each `rewrite.path` that refers to a path parameter that its route does not have.
void check_rewrites(const config::Config& config, config::Diagnostics& diagnostics) {
  for (const config::Route& route : config.routes) {
    if (route.rewrite.path.empty()) continue;
    const std::string problem =
        routing::PathRewrite::check(route.rewrite.path, routing::PathParameters(route.match).names());
    if (!problem.empty()) diagnostics.error(route.rewrite.path_location, problem);
  }
}

void check_logs(const config::Config& config, config::Diagnostics& diagnostics) {
  const auto report = [&](const config::Location& location, const std::string& problem) {
    if (!problem.empty()) diagnostics.error(location, problem);
  };
  const config::AccessLog& access = config.access_log;
  if (!access.path.empty()) {
    report(access.path_location, telemetry::LogSink::check(access.path));
    report(access.format_location, telemetry::LogFormat::check(access.format));
  }
  if (!config.audit_log.path.empty())
    report(config.audit_log.path_location, telemetry::LogSink::check(config.audit_log.path));
}

// Checks consumers, plans and policies together with the rest of the configuration.
void check_policies(const config::Config& config, config::Diagnostics& diagnostics) {
  identity::Directory::check(config.consumers, diagnostics);
  for (const config::PolicyUse& use : config.policies) policy::check(use, config, diagnostics);
  for (const config::Route& route : config.routes) {
    for (const config::PolicyUse& use : route.policies) policy::check(use, config, diagnostics);
  }
  for (const config::Plan& plan : config.plans) {
    for (const config::PolicyUse& use : plan.policies) policy::check(use, config, diagnostics);
    for (const config::PlanApi& api : plan.apis) {
      for (const config::PolicyUse& use : api.policies) policy::check(use, config, diagnostics);
    }
  }
}

}  // namespace

void check_config(const config::Config& config, config::Diagnostics& diagnostics) {
  check_rewrites(config, diagnostics);
  check_policies(config, diagnostics);
  check_logs(config, diagnostics);
  check_upstreams(config, diagnostics);
  check_splits(config, diagnostics);
}

std::optional<config::Config> load_config(config::Reading& reading, TlsState& tls) {
  auto config = config::load(reading, policy::catalog());
  if (!config) return std::nullopt;
  check_config(*config, reading.diagnostics);
  check_tls(*config, tls, reading.diagnostics);
  if (reading.diagnostics.has_errors()) return std::nullopt;
  report_warnings(*config, reading.diagnostics);
  return config;
}

namespace {

std::optional<config::Config> load_alone(config::Reading reading, config::Diagnostics& diagnostics) {
  TlsState tls([](Level, const std::string&) {});
  auto config = load_config(reading, tls);
  diagnostics = std::move(reading.diagnostics);
  return config;
}

}  // namespace

std::optional<config::Config> load_config(const std::string& path, config::Diagnostics& diagnostics) {
  config::Sources sources;
  return load_alone(config::read_path(path, sources), diagnostics);
}

std::optional<config::Config> load_config_text(const std::string& text, const std::string& name,
                                               config::Diagnostics& diagnostics) {
  return load_alone(config::read_text(text, name), diagnostics);
}

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

// Sets the properties of a route that follow from its policies.
void settle_policies(proxy::Route& route, telemetry::Registry& metrics) {
  for (proxy::PlacedPolicy& one : route.policies) {
    one.metrics = metrics.policy(route.name, one.name);
    one->add_owned_fields(route.owned_fields);
    route.marks_answers |= one->marks_every_answer();
    route.watches_end |= one->watches_end();
  }
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

}  // namespace

Result<std::shared_ptr<const proxy::Snapshot>> compile_snapshot(const config::Config& config,
                                                                uint64_t version,
                                                                telemetry::Registry& metrics,
                                                                policy::Services& services, Kept& kept) {
  policy::declare_metrics(metrics.of_policies());
  std::vector<routing::RouteRule> rules = route_rules(config);
  std::vector<proxy::Route> routes;
  routes.reserve(config.routes.size());
  std::map<std::string_view, size_t> upstream_index;
  for (size_t i = 0; i < config.upstreams.size(); ++i) upstream_index[config.upstreams[i].name] = i;
  policy::BuildContext build{std::make_shared<const identity::Directory>(config.consumers),
                             config,
                             metrics.of_policies(),
                             services,
                             services.workers(),
                             "",
                             {}};
  const auto build_all = [&build](const std::vector<config::PolicyUse>& uses, std::string_view place,
                                  std::vector<proxy::PlacedPolicy>& out) {
    build.place = place;
    for (const config::PolicyUse& use : uses) {
      build.location = use.location;
      out.push_back({policy::build(use, build), use.name, {}, use.location});
    }
  };
  std::vector<std::vector<upstream::Metadata>> subsets(config.upstreams.size(), {upstream::Metadata{}});
  const auto compile_branch = [&](const std::string& upstream, const config::TextMap& subset) {
    proxy::Branch branch;
    branch.upstream = upstream_index.at(upstream);
    branch.subset = subset_index(subsets[branch.upstream], subset);
    branch.hash_key = hash_key_of(config.upstreams[branch.upstream]);
    return branch;
  };
  std::vector<proxy::PlacedPolicy> shared;
  build_all(config.policies, "", shared);
  for (const config::Route& route : config.routes) {
    proxy::Route compiled{.name = route.name,
                          .parameters = routing::PathParameters(route.match),
                          .rewrite = {route.rewrite.path, route.rewrite.strip_prefix},
                          .host = route.rewrite.host,
                          .policies = shared,
                          .pseudonym = proxy::pseudonym_of(route.name),
                          .upgrades = route.upgrades,
                          .idempotent = route.idempotent,
                          .takes_trace = lists_trace(route.match.methods),
                          .marks_answers = false,
                          .watches_end = false,
                          .metrics = metrics.route(route.name)};
    compiled.split = compile_split(route, [&](const config::Branch& told) {
      proxy::Branch branch = compile_branch(told.upstream, told.subset);
      branch.rollback = kept.rollbacks.of(route, told);
      branch.metrics = metrics.branch(route.name, told.label());
      return branch;
    });
    if (!route.upstream.empty())
      compiled.split = proxy::Split({compile_branch(route.upstream, route.subset)}, {});
    build_all(route.policies, route.name, compiled.policies);
    settle_policies(compiled, metrics);
    for (const config::Branch& branch : route.split)
      policy::Condition(branch.when).add_read_fields(compiled.owned_fields);
    routes.push_back(std::move(compiled));
  }
  auto snapshot = std::make_shared<proxy::Snapshot>(version, std::move(rules));
  snapshot->side_pool = &services.get<policy::SideWork>().pool();
  for (const config::Listener& listener : config.listeners) {
    auto compiled = compile_listener(listener, metrics, kept);
    if (!compiled) return Error{"listener `" + listener.name + "`: " + compiled.error().message};
    snapshot->listeners.push_back(std::move(*compiled));
  }
  for (size_t i = 0; i < config.upstreams.size(); ++i) {
    const config::Upstream& upstream = config.upstreams[i];
    auto compiled =
        compile_upstream(upstream, config, std::move(subsets[i]), metrics, kept.tls, kept.upstreams);
    if (!compiled) return Error{"upstream `" + upstream.name + "`: " + compiled.error().message};
    snapshot->upstreams.push_back(std::make_shared<const upstream::UpstreamDefinition>(std::move(*compiled)));
  }
  for (const auto& upstream : snapshot->upstreams) add_hosts(upstream->targets, snapshot->hosts);
  std::erase_if(kept.upstreams, [&](const auto& one) { return !upstream_index.contains(one.first); });
  kept.rollbacks.settle();
  snapshot->dns = config.dns;
  snapshot->routes = std::move(routes);
  for (const config::Route& route : config.routes) {
    for (const config::Predicate& condition : route.match.headers)
      snapshot->matched_fields.add(condition.name);
  }
  snapshot->consumers = build.consumers;
  for (const identity::Consumer& consumer : build.consumers->consumers())
    snapshot->consumer_metrics.push_back(metrics.consumer(consumer.name));
  snapshot->groups = groups_of(*build.consumers);
  snapshot->shared_policies = shared.size();
  snapshot->unrouted.policies = std::move(shared);
  snapshot->unrouted.pseudonym = proxy::pseudonym_of("");
  snapshot->unrouted.metrics = metrics.route("");
  settle_policies(snapshot->unrouted, metrics);
  snapshot->log_format = telemetry::LogFormat(config.access_log);
  snapshot->tracing = tracing_rules(config.tracing);
  snapshot->drain_timeout = config.drain_timeout;
  snapshot->max_lag = config.overload.enabled ? config.overload.lag : Milliseconds(0);
  return std::shared_ptr<const proxy::Snapshot>(std::move(snapshot));
}

}  // namespace portcullis::control
