#pragma once

#include "http/h1/head_parser.h"
#include "http/h2/channel.h"

namespace portcullis::http::h2 {

// What a request's head means, by the rules of HTTP/1's (RFC 9113 section 8.3.1); kNone when nothing is
// wrong with it. Views of `request` lie where the head's do, or in `arena`.
h1::ParseError read_request(const Head& head, const h1::HeadLimits& limits, Arena& arena,
                            RequestHead& request);

// The same for a response to `method`.
h1::ParseError read_response(const Head& head, const h1::HeadLimits& limits, std::string_view method,
                             ResponseHead& response);

}  // namespace portcullis::http::h2
