#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/event_loop.h"

// The parts of gRPC over HTTP/2 that a gateway needs (see gRPC's PROTOCOL-HTTP2.md).
namespace portcullis::http {

// The gRPC status for a response that the gateway itself sends (grpc's http-grpc-status-mapping.md).
uint16_t grpc_status_for(uint16_t http_status);

// The HTTP status for a gRPC status, for clients that do not speak gRPC (google/rpc/code.proto).
uint16_t http_status_for(uint32_t grpc_status);
// The value of the field `name` in `lines`, each of which ends with CRLF; empty when there is no such field.
std::string_view find_in_lines(std::string_view lines, std::string_view name);

// The message format that a content type announces: gRPC's own framing, or gRPC-Web's (PROTOCOL-WEB.md) for
// clients that cannot read trailers; gRPC-Web's text format is base64.
enum class GrpcForm : uint8_t { kNone, kGrpc, kWeb, kWebText };
GrpcForm grpc_form(std::string_view content_type);
// The part of a gRPC content type that names the message encoding, such as "+proto". May be empty, and may
// include parameters.
std::string_view grpc_suffix(std::string_view content_type);

// Each message is preceded by one byte of flags and four bytes of length.
constexpr size_t kGrpcPrefix = 5;
constexpr uint8_t kGrpcTrailers = 0x80;  // gRPC-Web: the frame holds trailer field lines instead of a message
std::string grpc_prefix(uint8_t flags, size_t size);
size_t grpc_size(std::string_view prefix);

// Parses `grpc-timeout`: up to eight digits and a unit. Empty when malformed. A timeout below one millisecond
// becomes one millisecond.
std::optional<Milliseconds> parse_grpc_timeout(std::string_view text);

}  // namespace portcullis::http
