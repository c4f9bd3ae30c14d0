#pragma once

#include <string_view>

#include "http/message.h"

namespace portcullis::http {

// The validators of a representation: what its ETag and Last-Modified fields say, or nothing.
struct Validators {
  std::string_view etag{};
  std::string_view last_modified{};

  bool empty() const { return etag.empty() && last_modified.empty(); }
};
Validators validators_of(const Fields& response);

// Two entity tags name the same content, weakly or strongly (RFC 9110 section 8.8.3.2).
bool same_weakly(std::string_view one, std::string_view other);
bool same_strongly(std::string_view one, std::string_view other);

// The request's If-None-Match, or else its If-Modified-Since, says that the client has this already: it is to
// be answered with 304 (section 13.2.2). For GET and HEAD.
bool has_it_already(const Fields& request, const Validators& validators);

// The request's If-Range, where it has one, lets its Range be answered from this (section 13.1.5).
bool range_applies(const Fields& request, const Validators& validators);

}  // namespace portcullis::http
