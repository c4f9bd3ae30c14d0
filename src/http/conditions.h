#pragma once

#include <string_view>

#include "http/message.h"

namespace portcullis::http {

// The validators of a representation: the values of its ETag and Last-Modified fields, empty when absent.
struct Validators {
  std::string_view etag{};
  std::string_view last_modified{};

  bool empty() const { return etag.empty() && last_modified.empty(); }
};
Validators validators_of(const Fields& response);

// True when two entity tags match by weak or by strong comparison (RFC 9110 section 8.8.3.2).
bool same_weakly(std::string_view one, std::string_view other);
bool same_strongly(std::string_view one, std::string_view other);

// True when If-None-Match, or without it If-Modified-Since, says that the client already has this
// representation, so the answer is 304 (section 13.2.2). For GET and HEAD.
bool has_it_already(const Fields& request, const Validators& validators);

// True when the request has no If-Range, or its If-Range matches the validators, so that Range applies
// (section 13.1.5).
bool range_applies(const Fields& request, const Validators& validators);

}  // namespace portcullis::http
