#pragma once

#include "http/h1/head_parser.h"
#include "telemetry/ends.h"

namespace portcullis::proxy {

// The reason in the access log for a request whose head is invalid.
[[gnu::cold]] const telemetry::EndReason& reason_of_bad_request(http::h1::ParseError error);

// The reason in the access log for a response that is invalid. Faults that `lenient_responses` or a higher
// limit would accept have their own reasons.
[[gnu::cold]] const telemetry::EndReason& reason_of_bad_response(http::h1::ParseError error);

}  // namespace portcullis::proxy
