#pragma once

#include <string_view>

namespace portcullis::http {

// A request that may be sent twice without doing more than once (RFC 9110 section 9.2.2).
inline bool is_idempotent(std::string_view method) {
  for (const std::string_view one : {"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"}) {
    if (method == one) return true;
  }
  return false;
}

}  // namespace portcullis::http
