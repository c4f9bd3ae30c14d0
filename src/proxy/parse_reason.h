#pragma once

#include "http/h1/head_parser.h"
#include "telemetry/ends.h"

namespace portcullis::proxy {

// Why a request ends whose head cannot be read.
[[gnu::cold]] const telemetry::EndReason& reason_of_bad_request(http::h1::ParseError error);

// Why a try ends whose response cannot be read. What `lenient_responses` or a limit would let pass has
// reasons of its own.
[[gnu::cold]] const telemetry::EndReason& reason_of_bad_response(http::h1::ParseError error);

}  // namespace portcullis::proxy
