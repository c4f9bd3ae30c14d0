#pragma once

#include <string>
#include <string_view>

#include "runtime/stream.h"
#include "runtime/task.h"
#include "upstream/definition.h"

namespace portcullis::upstream {

// A target's answer to a health check over HTTP/2.
struct Http2Answer {
  uint16_t status = 0;
  std::string body;  // the first `kMaxAnswer` bytes or slightly more
  std::string grpc_status;
};

// Sends the health check on an open connection: the configured request, or gRPC's health protocol
// (grpc.health.v1). Returns why there is no answer, or "".
Task<std::string> ask_http2(Stream& socket, const HealthCheck& check, std::string_view scheme,
                            const std::string& host, Clock::time_point deadline, Http2Answer& answer);

// Evaluates an answer of gRPC's health protocol: "" when the service is serving, otherwise the reason.
std::string judge_grpc(const Http2Answer& answer);

}  // namespace portcullis::upstream
