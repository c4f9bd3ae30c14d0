#pragma once

#include <string>
#include <string_view>

#include "http/field_names.h"

namespace portcullis::http {

// True when a field with this name is permitted in a trailer section (RFC 9110 section 6.5.1): it does not
// affect framing, routing or authorisation, and the gateway does not write it itself.
bool may_be_trailer(std::string_view name);

// Which trailer fields are forwarded. `listed` must outlive the message.
struct TrailerRules {
  const FieldNames* listed = nullptr;  // forwarded fields; null for none
  bool metadata = false;  // also forwards all fields that may_be_trailer() permits, because gRPC services use
                          // their own names
};

// The trailer lines, each with its CRLF, that `rules` permit.
std::string permitted_trailers(std::string_view lines, const TrailerRules& rules);

}  // namespace portcullis::http
