#pragma once

#include <string_view>

namespace portcullis::http {

// True for a method whose request may be repeated without additional effect (RFC 9110 section 9.2.2).
inline bool is_idempotent(std::string_view method) {
  for (const std::string_view one : {"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"}) {
    if (method == one) return true;
  }
  return false;
}

// True for a method that only reads (section 9.2.1).
inline bool is_safe(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE";
}

// True for a method whose requests usually have content; a request without content then needs
// "Content-Length: 0" (RFC 9110 section 8.6).
inline bool expects_content(std::string_view method) {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

}  // namespace portcullis::http
