#pragma once

#include <chrono>
#include <string>

namespace portcullis::upstream {

// A signed cookie that keeps a client with its target. The members have the names of the configuration's
// keys.
struct StickyCookie {
  std::string cookie{};              // its name; empty: no cookie
  std::string key{};                 // of the signature; must be equal on all nodes
  std::chrono::milliseconds ttl{0};  // 0: a session cookie

  // The lifetime in whole seconds, as Max-Age has it.
  std::chrono::seconds lifetime() const { return std::chrono::floor<std::chrono::seconds>(ttl); }
  bool operator==(const StickyCookie&) const = default;
};

}  // namespace portcullis::upstream
