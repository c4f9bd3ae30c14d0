#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace portcullis::upstream {

// How the names of targets are looked up. The members have the names of the configuration's keys.
struct Dns {
  std::vector<std::string> servers{};        // "address:port"; empty: the name servers of the system
  std::chrono::milliseconds min_ttl{5'000};  // min TTL; also the pause after a failure
  std::chrono::milliseconds max_ttl{300'000};

  bool operator==(const Dns&) const = default;
};

}  // namespace portcullis::upstream
