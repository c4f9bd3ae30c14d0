#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tls/client_rules.h"

namespace portcullis::redis {

// TLS towards Redis servers. Paths are relative to the working directory.
struct Tls : tls::ClientRules {
  std::string ca{};           // PEM file; empty: the system's certificate authorities
  std::string server_name{};  // empty: the host of the server's address
  std::string cert{};         // PEM file; empty: none
  std::string key{};

  bool operator==(const Tls&) const = default;
};

// How a client introduces itself to a server.
struct Access {
  std::string username{};
  std::string password{};
  uint64_t database = 0;
  std::optional<Tls> tls{};

  bool operator==(const Access&) const = default;
};

// One Redis server, a primary that sentinels name, or a Redis Cluster: one of `address`, `sentinels` and
// `cluster` is set. The members have the names of the configuration's keys.
struct Settings {
  std::string address{};  // "host:port" or "unix:/path"
  std::vector<std::string> sentinels{};
  std::string master_name{};
  std::vector<std::string> cluster{};
  std::string username{};
  std::string password{};
  std::string sentinel_username{};
  std::string sentinel_password{};
  uint64_t database = 0;
  std::chrono::milliseconds timeout{50};  // for a command
  // Set from the configuration's `tls` and `sentinel_tls`, with the paths of their files resolved.
  std::optional<Tls> server_tls{};
  std::optional<Tls> sentinels_tls{};

  bool configured() const { return !address.empty() || !sentinels.empty() || !cluster.empty(); }
  Access server_access() const { return {username, password, database, server_tls}; }
  Access sentinel_access() const { return {sentinel_username, sentinel_password, 0, sentinels_tls}; }
  // The servers in words: "127.0.0.1:6379", "primary `limits`", "cluster 127.0.0.1:7000".
  std::string in_words() const {
    if (!sentinels.empty()) return "primary `" + master_name + "`";
    return cluster.empty() ? address : "cluster " + cluster.front();
  }

  bool operator==(const Settings&) const = default;
};

}  // namespace portcullis::redis
