#include "control/warnings/warnings.h"

#include "policy/registry.h"

namespace portcullis::control {
namespace warnings {
namespace {

constexpr Check kChecks[] = {
    {"cache_before_access", find_cache_before_access},
    {"cors_after_authentication", find_cors_after_authentication},
    {"foreign_pattern", find_foreign_patterns},
    {"grpc_without_http2", find_grpc_without_http2},
    {"missing_credentials", find_missing_credentials},
    {"nothing_served", find_nothing_served},
    {"own_listener", find_own_listeners},
    {"redis_password_without_tls", find_redis_passwords_without_tls},
    {"refused_path", find_refused_paths},
    {"repeated_target", find_repeated_targets},
    {"tls_port_without_tls", find_tls_ports_without_tls},
    {"undercut_route", find_undercut_routes},
    {"unknown_caller", find_unknown_callers},
    {"unknown_consumer", find_unknown_consumers},
    {"unknown_group", find_unknown_groups},
    {"unknown_route", find_unknown_routes},
    {"unreachable_route", find_unreachable_routes},
    {"unreached_error_rule", find_unreached_error_rules},
    {"unreached_policy", find_unreached_policies},
    {"unused_rewrite", find_unused_rewrites},
};

}  // namespace

std::span<const Check> checks() {
  return kChecks;
}

}  // namespace warnings

void report_warnings(const config::Config& config, config::Diagnostics& diagnostics) {
  const warnings::Facts facts(config);
  for (const warnings::Check& check : warnings::checks()) {
    warnings::Report report(check.name, diagnostics);
    check.run(facts, report);
  }
  facts.for_each_use([&](const warnings::PlacedUse& one) { policy::warn(*one.use, diagnostics); });
}

}  // namespace portcullis::control
