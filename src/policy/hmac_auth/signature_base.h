#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "http/structured_fields.h"
#include "policy/policy.h"

namespace portcullis::policy::hmac_auth {

// The signature base, which is the text that a client has signed (RFC 9421 section 2.5): a line for each
// covered component, then the parameters. Nothing when a component is unknown, absent, or has a parameter
// that is not supported (`sf`, `bs`, `key`, `req`, `tr`).
std::optional<std::string> signature_base(const http::InnerList& covered, const Context& context);

}  // namespace portcullis::policy::hmac_auth
