#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "upstream/health_check.h"

namespace portcullis::upstream {

// A target's answer to a health check.
struct CheckAnswer {
  uint16_t status = 0;
  std::string body{};         // its beginning, where it is long
  std::string grpc_status{};  // of the head, or of the trailers
};

// Evaluates an answer by the configuration: "" when the target has passed, otherwise the reason.
std::string judge(const HealthCheck& check, const CheckAnswer& answer);

// gRPC's health protocol (grpc.health.v1): what is asked for, the message for a service (at most 127 bytes;
// empty: the server as a whole), and the evaluation of the answer: "" when the service is serving, otherwise
// the reason.
constexpr std::string_view kGrpcHealthPath = "/grpc.health.v1.Health/Check";
std::string grpc_health_request(std::string_view service);
std::string judge_grpc(const CheckAnswer& answer);

}  // namespace portcullis::upstream
