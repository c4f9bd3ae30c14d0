#pragma once

#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>

#include "config/diagnostics.h"
#include "config/model.h"
#include "control/warnings/facts.h"

// Warnings about configurations that are valid but probably a mistake. Each check has a name, which is part
// of its warnings; docs/warnings.md explains the check under that name. A check of one policy alone is in the
// folder of that policy (policy::Warning).
namespace portcullis::control::warnings {

// Collects the warnings of one check. What is found several times at one place, because several routes use
// one policy set, is reported once.
class Report {
 public:
  Report(std::string_view check, config::Diagnostics& diagnostics)
      : check_(check), diagnostics_(diagnostics) {}

  void add(const config::Location& place, std::string message) {
    const bool is_new = told_.emplace(place.file.text(), place.line(), place.column, message).second;
    if (is_new) diagnostics_.warning(place, std::move(message), std::string(check_));
  }

 private:
  std::string_view check_;
  config::Diagnostics& diagnostics_;
  std::set<std::tuple<std::string, size_t, size_t, std::string>> told_;
};

struct Check {
  std::string_view name;
  void (*run)(const Facts& facts, Report& report);
};

// All checks, in the order of their names.
std::span<const Check> checks();

// The checks, one by one.
void find_cache_before_access(const Facts& facts, Report& report);
void find_cors_after_authentication(const Facts& facts, Report& report);
void find_foreign_patterns(const Facts& facts, Report& report);
void find_grpc_without_http2(const Facts& facts, Report& report);
void find_missing_credentials(const Facts& facts, Report& report);
void find_nothing_served(const Facts& facts, Report& report);
void find_own_listeners(const Facts& facts, Report& report);
void find_redis_passwords_without_tls(const Facts& facts, Report& report);
void find_refused_paths(const Facts& facts, Report& report);
void find_repeated_targets(const Facts& facts, Report& report);
void find_tls_ports_without_tls(const Facts& facts, Report& report);
void find_undercut_routes(const Facts& facts, Report& report);
void find_unknown_callers(const Facts& facts, Report& report);
void find_unknown_consumers(const Facts& facts, Report& report);
void find_unknown_groups(const Facts& facts, Report& report);
void find_unknown_routes(const Facts& facts, Report& report);
void find_unreachable_routes(const Facts& facts, Report& report);
void find_unreached_error_rules(const Facts& facts, Report& report);
void find_unreached_policies(const Facts& facts, Report& report);
void find_unused_rewrites(const Facts& facts, Report& report);

}  // namespace portcullis::control::warnings

namespace portcullis::control {

// Runs all checks over a configuration without errors.
void report_warnings(const config::Config& config, config::Diagnostics& diagnostics);

}  // namespace portcullis::control
