#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace portcullis::cli {

// The options of `portcullis run --to ...` as given on the command line.
struct SmallOptions {
  std::vector<std::string> to;         // at least one
  std::string listen{};                // empty: kDefaultListen
  std::vector<std::string> domains{};  // empty: any host
  std::optional<std::string> key{};    // the API key that requests must send, or its `sha256:` hash
  std::string rate{};                  // empty: no limit
  std::optional<std::string> cache{};  // the cache's memory; "": kDefaultCacheSize
  std::string dashboard{};             // empty: kDefaultDashboard, or the next free port
  bool no_dashboard = false;

  static constexpr const char* kDefaultListen = "127.0.0.1:8080";
  static constexpr const char* kDefaultDashboard = "127.0.0.1:9080";
  static constexpr const char* kDefaultCacheSize = "64MiB";
};

// The checked options; each value is in the format of the configuration.
struct SmallPlan {
  std::vector<std::string> targets{};  // addresses of the upstream's targets
  bool tls = false;                    // true when targets are contacted by TLS
  std::string target_host{};           // the Host for requests to targets; empty: the client's
  std::string listen{};                // address of the listener
  std::vector<std::string> domains{};  // in lower case, each once
  std::string key_hash{};              // empty: requests need no key
  std::string rate{};                  // empty: no limit
  std::string cache{};                 // memory of the cache; empty: no cache
  std::string dashboard{};             // address of the admin listener; empty: none
};

// How `--listen :8080` is bound: an IPv6 socket that also accepts IPv4, or an IPv4 socket where the system
// has no IPv6.
enum class AllAddresses { kDualStack, kIpv4 };

// Checks the options. The error has one line per mistake, beginning with the option's name. Does not resolve
// names or bind addresses.
Result<SmallPlan> plan_small_setup(const SmallOptions& options, AllAddresses all_addresses);

}  // namespace portcullis::cli
