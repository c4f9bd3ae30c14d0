#pragma once

#include <cstdint>
#include <string_view>

#include "http/h1/head_parser.h"
#include "http/message.h"

namespace portcullis::http::h1 {

// Derives body framing, persistence and expectations from a request's fields (RFC 9112 sections 6.1, 6.3,
// 9.3). Refuses framing that two parsers could interpret differently.
ParseError frame_request(RequestHead& head);

// How strictly a response is read; kLenient treats a repeated `chunked` as a single one.
enum class Reading : uint8_t { kStrict, kLenient };

// Derives body framing and persistence of a response to a request with `method`.
ParseError frame_response(std::string_view method, Reading reading, ResponseHead& head);

}  // namespace portcullis::http::h1
