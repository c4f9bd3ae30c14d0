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

// A request that only asks (section 9.2.1).
inline bool is_safe(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE";
}

// A request by this method usually has content, so that one without any says so (RFC 9110 section 8.6).
inline bool expects_content(std::string_view method) {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

}  // namespace portcullis::http
