#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "policy/policy.h"

namespace portcullis::policy::grpc_web {

// `grpc_web`: Lets browsers call gRPC services, in the form that grpc's PROTOCOL-WEB.md describes: the
// trailers of a response are the last message of its body, and the text form is base64.
Kind kind();

// Decodes the text form: pieces of base64, each with its own padding. Nothing when the text is malformed.
std::optional<std::string> decode_grpc_web_text(std::string_view text);

}  // namespace portcullis::policy::grpc_web
