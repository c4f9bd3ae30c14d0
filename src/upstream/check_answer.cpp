#include "upstream/check_answer.h"

#include <re2/re2.h>

#include "http/grpc.h"

namespace portcullis::upstream {
namespace {

// The status in field 1 of HealthCheckResponse; 0 when the field is missing.
int serving_status(std::string_view body) {
  using http::kGrpcPrefix;
  constexpr char kStatus = '\x08';
  if (body.size() < kGrpcPrefix + 2 || body[0] != 0 || body[kGrpcPrefix] != kStatus) return 0;
  return body[kGrpcPrefix + 1];
}

}  // namespace

std::string judge(const HealthCheck& check, const CheckAnswer& answer) {
  if (!contains(check.status, answer.status)) return "it answered " + std::to_string(answer.status);
  if (!check.body.empty() && !re2::RE2::PartialMatch(answer.body, check.body))
    return "the body of its answer does not match `body`";
  return "";
}

// HealthCheckRequest: field 1 is the service's name.
std::string grpc_health_request(std::string_view service) {
  std::string message;
  if (!service.empty()) {
    message += '\x0a';
    message += static_cast<char>(service.size());
    message += service;
  }
  return http::grpc_prefix(0, message.size()) + message;
}

std::string judge_grpc(const CheckAnswer& answer) {
  if (answer.status != 200) return "it answered " + std::to_string(answer.status);
  if (answer.grpc_status != "0") return "its gRPC status is " + answer.grpc_status;
  constexpr int kServing = 1;
  const int status = serving_status(answer.body);
  return status == kServing ? "" : "it is not serving: " + std::to_string(status);
}

}  // namespace portcullis::upstream
