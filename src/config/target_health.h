#pragma once

#include "config/schema.h"
#include "upstream/ejection.h"
#include "upstream/health_check.h"

// The settings `health_check` and `outlier_ejection` of upstreams.
namespace portcullis::config {

using upstream::EjectionRules;
using upstream::GrpcCheck;

struct HealthCheck : upstream::HealthCheck {
  Location location;  // line 0 when targets are not checked
  Location grpc_location;

  bool enabled() const { return location.line_read != 0; }
  bool has_grpc() const { return grpc_location.line_read != 0; }
};

// Min time between two checks, and between two looks at the results of requests.
inline constexpr std::chrono::milliseconds kMinInterval{10};

Type<HealthCheck> health_check_type();
Type<EjectionRules> outlier_ejection_type();
// Reports settings of a health check that contradict each other.
void check_health_check(const HealthCheck& check, Diagnostics& diagnostics);

}  // namespace portcullis::config
