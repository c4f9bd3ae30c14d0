#pragma once

#include <string>
#include <vector>

#include "base/enum_names.h"
#include "config/value_types.h"
#include "limits/local_limits.h"
#include "policy/limit_key.h"

namespace portcullis::policy::rate_limit {

// The settings of one limit.
struct LimitSettings {
  config::Location location;
  std::string name;
  config::Rate limit;
  uint64_t burst = 0;  // 0 for the amount of the rate
  std::string key = "caller";
  limits::Algorithm algorithm = limits::Algorithm::kTokenBucket;
};

enum class DryRun { kOff, kOn };
constexpr auto names_of(DryRun) {
  return std::to_array<EnumName<DryRun>>({{DryRun::kOff, "off"}, {DryRun::kOn, "on"}});
}
enum class ClusterMode { kOff, kExact, kBatched };
constexpr auto names_of(ClusterMode) {
  return std::to_array<EnumName<ClusterMode>>(
      {{ClusterMode::kOff, "off"}, {ClusterMode::kExact, "exact"}, {ClusterMode::kBatched, "batched"}});
}
enum class LimitOnError { kLocal, kAllow, kDeny };
constexpr auto names_of(LimitOnError) {
  return std::to_array<EnumName<LimitOnError>>(
      {{LimitOnError::kLocal, "local"}, {LimitOnError::kAllow, "allow"}, {LimitOnError::kDeny, "deny"}});
}

struct RateLimitSettings : LimitSettings {
  std::vector<LimitSettings> limits;
  uint64_t cost = 1;
  std::string cost_field;
  DryRun dry_run = DryRun::kOff;
  bool response_fields = true;
  ClusterMode cluster = ClusterMode::kOff;
  LimitOnError on_error = LimitOnError::kLocal;
  uint64_t batch = 0;  // 0 for a hundredth of the limit
};

std::shared_ptr<config::ObjectType<RateLimitSettings>> rate_limit_type();

void check_rate_limit(const RateLimitSettings& settings, const config::PolicyUse& use,
                      const config::Config& config, config::Diagnostics& diagnostics);

// The limits of the policy, whether they are written as a list or as a single limit.
std::vector<LimitSettings> limits_of(const RateLimitSettings& settings);

limits::Limit compile_limit(const LimitSettings& settings);

}  // namespace portcullis::policy::rate_limit
