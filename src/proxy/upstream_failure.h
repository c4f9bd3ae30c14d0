#pragma once

#include <string_view>

#include "http/h1/head_parser.h"

namespace portcullis::proxy {

// The log's name for a response that cannot be read. Those that `lenient_responses` or a limit would let pass
// have names of their own.
std::string_view name_of_bad_response(http::h1::ParseError error);

}  // namespace portcullis::proxy
