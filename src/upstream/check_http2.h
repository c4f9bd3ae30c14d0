#pragma once

#include <string>
#include <string_view>

#include "runtime/stream.h"
#include "runtime/task.h"
#include "upstream/definition.h"

namespace portcullis::upstream {

// What a target has answered to a check over HTTP/2.
struct Http2Answer {
  uint16_t status = 0;
  std::string body;  // its first `kMaxAnswer` bytes or more
  std::string grpc_status;
};

// Asks as `check` says, on a connection that is there: by its request, or by gRPC's health protocol
// (grpc.health.v1). Why there is no answer, or "".
Task<std::string> ask_http2(Stream& socket, const HealthCheck& check, std::string_view scheme,
                            const std::string& host, Clock::time_point deadline, Http2Answer& answer);

// What gRPC's health protocol has found: "" when the service is serving, else why not.
std::string judge_grpc(const Http2Answer& answer);

}  // namespace portcullis::upstream
