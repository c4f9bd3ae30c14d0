#pragma once

#include <cstdint>
#include <string_view>

#include "http/h1/head_parser.h"
#include "http/message.h"

namespace portcullis::http::h1 {

// Derives body framing, persistence and expectations from a request's fields (RFC 9112
// sections 6.1, 6.3, 9.3). Refuses what two parsers could read differently.
ParseError frame_request(RequestHead& head);

// How a response is read: kLenient takes `chunked` named twice for once.
enum class Reading : uint8_t { kStrict, kLenient };

// The same for a response to `method`.
ParseError frame_response(std::string_view method, Reading reading, ResponseHead& head);

}  // namespace portcullis::http::h1
