#pragma once

#include "http/h1/head_parser.h"
#include "http/h2/channel.h"

namespace portcullis::http::h2 {

// Interprets a request head by the same rules as for HTTP/1 (RFC 9113 section 8.3.1). Returns kNone for a
// valid head. Views of `request` point to the texts of `head`, or into `arena`.
h1::ParseError read_request(const Head& head, const h1::HeadLimits& limits, Arena& arena,
                            RequestHead& request);

// Interprets the head of a response to a request with `method`.
h1::ParseError read_response(const Head& head, const h1::HeadLimits& limits, std::string_view method,
                             ResponseHead& response);

}  // namespace portcullis::http::h2
