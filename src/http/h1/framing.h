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

// uri-host [":" port], possibly empty (RFC 9110 section 7.2): no userinfo, no path, no list.
bool is_valid_authority(std::string_view text);

// Equal hosts, ignoring case; equal ports as written.
bool same_authority(std::string_view a, std::string_view b);

}  // namespace portcullis::http::h1
