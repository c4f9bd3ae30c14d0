#pragma once

#include <chrono>
#include <string>

namespace portcullis::proxy {

// The cookie that keeps a client on its branch of a split. The members have the names of the configuration's
// keys.
struct SplitCookie {
  std::string cookie{};              // its name; empty: no cookie
  std::chrono::milliseconds ttl{0};  // 0: until the browser is closed

  // The lifetime in whole seconds, as Max-Age has it.
  std::chrono::seconds lifetime() const { return std::chrono::floor<std::chrono::seconds>(ttl); }
};

}  // namespace portcullis::proxy
