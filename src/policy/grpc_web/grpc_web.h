#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "policy/policy.h"

namespace portcullis::policy::grpc_web {

// `grpc_web`: lets browsers call gRPC services, in the form that grpc's PROTOCOL-WEB.md describes: a
// response's trailers are a last message of its body, and the text form is base64.
Kind kind();

// What the text form says: pieces of base64, each with its own padding. Nothing when it is malformed.
std::optional<std::string> decode_grpc_web_text(std::string_view text);

}  // namespace portcullis::policy::grpc_web
