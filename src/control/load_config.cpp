#include "control/load_config.h"

#include <variant>

#include "config/loader.h"
#include "control/error_setup.h"
#include "control/split_setup.h"
#include "control/warnings/warnings.h"
#include "policy/limit_key.h"
#include "policy/registry.h"
#include "routing/rewrite.h"
#include "telemetry/log_format.h"
#include "telemetry/log_sink.h"

namespace portcullis::control {
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
  // The policies of sets are checked once, and not for each use.
  const auto check_own = [&](const config::PolicyList& list) {
    for (const config::PolicyEntry& entry : list) {
      if (const auto* use = std::get_if<config::PolicyUse>(&entry)) policy::check(*use, config, diagnostics);
    }
  };
  check_own(config.policies);
  for (const config::Route& route : config.routes) check_own(route.policies);
  for (const config::PolicySet& set : config.policy_sets) {
    for (const config::PolicyUse& use : set.policies) policy::check(use, config, diagnostics);
  }
  for (const config::Plan& plan : config.plans) {
    for (const config::PolicyUse& use : plan.policies) policy::check(use, config, diagnostics);
    for (const config::PlanApi& api : plan.apis) {
      for (const config::PolicyUse& use : api.policies) policy::check(use, config, diagnostics);
    }
  }
}

// Reports keys of the balancers that are not valid.
void check_hash_keys(const config::Config& config, config::Diagnostics& diagnostics) {
  for (const config::Upstream& upstream : config.upstreams) {
    if (const std::string problem = policy::LimitKey::check(upstream.hash_key); !problem.empty())
      diagnostics.error(upstream.hash_key_location, problem);
  }
}

}  // namespace

void check_config(const config::Config& config, config::Diagnostics& diagnostics) {
  check_rewrites(config, diagnostics);
  check_policies(config, diagnostics);
  check_logs(config, diagnostics);
  check_hash_keys(config, diagnostics);
  for (const config::Upstream& upstream : config.upstreams) config::check_upstream(upstream, diagnostics);
  config::check_subsets(config.routes, config.upstreams, diagnostics);
  check_splits(config, diagnostics);
  check_errors(config, diagnostics);
}

std::optional<config::Config> load_without_warnings(config::Reading& reading, TlsState& tls) {
  auto config = config::load(reading, policy::catalog());
  if (!config) return std::nullopt;
  check_config(*config, reading.diagnostics);
  check_tls(*config, tls, reading.diagnostics);
  if (reading.diagnostics.has_errors()) return std::nullopt;
  return config;
}

std::optional<config::Config> load_config(config::Reading& reading, TlsState& tls) {
  auto config = load_without_warnings(reading, tls);
  if (config) report_warnings(*config, reading.diagnostics);
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

}  // namespace portcullis::control
