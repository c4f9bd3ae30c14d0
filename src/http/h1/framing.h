#pragma once

#include <string_view>

#include "http/h1/head_parser.h"
#include "http/message.h"

namespace portcullis::http::h1 {

// Derives body framing, persistence and expectations from a request's fields (RFC 9112
// sections 6.1, 6.3, 9.3). Refuses what two parsers could read differently.
ParseError frame_request(RequestHead& head);

// The same for a response to `method`.
ParseError frame_response(std::string_view method, ResponseHead& head);

}  // namespace portcullis::http::h1
