#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace portcullis::redis {

// A Redis server. The members have the names of the configuration's keys.
struct Settings {
  std::string address;  // "host:port" or "unix:/path"
  std::string username;
  std::string password;
  uint64_t database = 0;
  std::chrono::milliseconds timeout{50};  // for a command, and for a connect

  bool operator==(const Settings&) const = default;
};

}  // namespace portcullis::redis
