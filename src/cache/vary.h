#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "http/message.h"

namespace portcullis::cache {

// The request fields that the choice of a response depended on (RFC 9110 section 12.5.5): names in lower
// case, sorted.
struct Vary {
  // True when the choice depended on more than the request's fields: `*`, or a field that the gateway writes.
  // Such a response never matches another request.
  bool any = false;
  std::vector<std::string> names;

  bool operator==(const Vary&) const = default;
};
Vary read_vary(const http::Fields& response);

// The request's values of these fields in a normal form, equal for requests with equal meaning (RFC 9111
// section 4.1): without white space around commas, content negotiation fields in lower case, accepted codings
// sorted. In `arena`.
std::string_view selecting_values(const http::Fields& request, const std::vector<std::string>& names,
                                  Arena& arena);

}  // namespace portcullis::cache
