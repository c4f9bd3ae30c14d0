#pragma once

#include <string>
#include <string_view>

#include "http/field_names.h"

namespace portcullis::http {

// True when a field of this name may stand in a trailer section at all (RFC 9110 section 6.5.1): it neither
// frames, routes nor authorises the message, and the gateway does not write it.
bool may_be_trailer(std::string_view name);

// Which fields of a trailer section are passed on. `listed` outlives the message.
struct TrailerRules {
  const FieldNames* listed = nullptr;  // these; null for none
  bool metadata = false;  // and all that may_be_trailer() permits, as gRPC has its own names there
};

// The lines, each with its CRLF, that `rules` pass on.
std::string permitted_trailers(std::string_view lines, const TrailerRules& rules);

}  // namespace portcullis::http
