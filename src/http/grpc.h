#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "runtime/event_loop.h"

// What of gRPC over HTTP/2 a gateway has to know (its protocol document, PROTOCOL-HTTP2.md).
namespace portcullis::http {

// The status code that a call gets for the gateway's own answer (grpc's http-grpc-status-mapping.md).
uint16_t grpc_status_for(uint16_t http_status);

// `grpc-timeout`: up to eight digits and a unit. Nothing when it is something else; a timeout of less than a
// millisecond counts as one.
std::optional<Milliseconds> parse_grpc_timeout(std::string_view text);

}  // namespace portcullis::http
