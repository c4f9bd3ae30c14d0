#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/event_loop.h"

// What of gRPC over HTTP/2 a gateway has to know (its protocol document, PROTOCOL-HTTP2.md).
namespace portcullis::http {

// The status code that a call gets for the gateway's own answer (grpc's http-grpc-status-mapping.md).
uint16_t grpc_status_for(uint16_t http_status);

// The other way, for clients of a service that do not speak gRPC (google/rpc/code.proto).
uint16_t http_status_for(uint32_t grpc_status);
// The value of a field among lines, each with its CRLF; empty when there is none.
std::string_view find_in_lines(std::string_view lines, std::string_view name);

// What a content type says of a message: gRPC's own framing, or gRPC-Web's (PROTOCOL-WEB.md) for clients that
// cannot read trailers, whose text form is base64.
enum class GrpcForm : uint8_t { kNone, kGrpc, kWeb, kWebText };
GrpcForm grpc_form(std::string_view content_type);
// Of such a type: what its messages are, as "+proto"; may be empty, and may have parameters.
std::string_view grpc_suffix(std::string_view content_type);

// Before each message stand a byte of flags and the size, four bytes.
constexpr size_t kGrpcPrefix = 5;
constexpr uint8_t kGrpcTrailers = 0x80;  // gRPC-Web's: not a message, but field lines
std::string grpc_prefix(uint8_t flags, size_t size);
size_t grpc_size(std::string_view prefix);

// `grpc-timeout`: up to eight digits and a unit. Nothing when it is something else; a timeout of less than a
// millisecond counts as one.
std::optional<Milliseconds> parse_grpc_timeout(std::string_view text);

}  // namespace portcullis::http
