#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/status_range.h"

namespace portcullis::upstream {

// A check by gRPC's health protocol.
struct GrpcCheck {
  std::string service{};  // empty: the server as a whole

  bool operator==(const GrpcCheck&) const = default;
};

// How the health of targets is checked. The members have the names of the configuration's keys.
struct HealthCheck {
  GrpcCheck grpc{};
  std::string method = "GET";
  std::string path{};
  std::string host{};  // for the Host field; empty: the target's host
  uint16_t port = 0;   // 0: the target's port
  std::chrono::milliseconds interval{5'000};
  std::chrono::milliseconds unhealthy_interval{0};  // while the target is down; 0: as `interval`
  std::chrono::milliseconds timeout{1'000};
  uint32_t healthy_after = 2;    // passed checks in a row
  uint32_t unhealthy_after = 3;  // failed checks in a row
  std::vector<StatusRange> status{{200, 299}};
  std::string body{};  // an expression (RE2) that the body must match; empty: any body

  std::chrono::milliseconds interval_when(bool up) const {
    return up || unhealthy_interval.count() == 0 ? interval : unhealthy_interval;
  }
  bool operator==(const HealthCheck&) const = default;
};

}  // namespace portcullis::upstream
