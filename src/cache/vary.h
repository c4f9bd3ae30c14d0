#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "http/message.h"

namespace portcullis::cache {

// Which fields of a request its response was chosen by (RFC 9110 section 12.5.5): names in lower case,
// sorted.
struct Vary {
  bool any = false;  // by something that the request does not show: `*`, or a field that the gateway writes;
                     // it never fits another request
  std::vector<std::string> names;

  bool operator==(const Vary&) const = default;
};
Vary read_vary(const http::Fields& response);

// What the request says in these fields, in a form that is the same for requests that mean the same (RFC 9111
// section 4.1): without white space around commas, without case in the fields of content negotiation, the
// codings that are accepted in order. In `arena`.
std::string_view selecting_values(const http::Fields& request, const std::vector<std::string>& names,
                                  Arena& arena);

}  // namespace portcullis::cache
