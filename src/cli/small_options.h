#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace portcullis::cli {

// The options of `portcullis run --to ...` as they stand on the command line.
struct SmallOptions {
  std::vector<std::string> to;         // at least one
  std::string listen{};                // empty: kDefaultListen
  std::vector<std::string> domains{};  // empty: any host
  std::optional<std::string> key{};    // the API key that requests need, or its `sha256:` hash
  std::string rate{};                  // empty: no limit
  std::optional<std::string> cache{};  // its memory; "": kDefaultCacheSize
  std::string dashboard{};             // empty: kDefaultDashboard, or the next port that the rest leaves free
  bool no_dashboard = false;

  static constexpr const char* kDefaultListen = "127.0.0.1:8080";
  static constexpr const char* kDefaultDashboard = "127.0.0.1:9080";
  static constexpr const char* kDefaultCacheSize = "64MiB";
};

// What the options ask for: checked, and each value in the form that a configuration has.
struct SmallPlan {
  std::vector<std::string> targets{};  // addresses of the upstream's targets
  bool tls = false;                    // whether the targets are spoken to by TLS
  std::string target_host{};           // the host that targets are asked for; empty: the client's
  std::string listen{};                // address of the listener
  std::vector<std::string> domains{};  // in lower case, each once
  std::string key_hash{};              // empty: requests need no key
  std::string rate{};                  // empty: no limit
  std::string cache{};                 // memory of the cache; empty: no cache
  std::string dashboard{};             // address of the admin listener; empty: none
};

// What `--listen :8080` binds: an IPv6 socket that takes IPv4 too, or IPv4 alone where the system has no
// such.
enum class AllAddresses { kDualStack, kIpv4 };

// Checks the options. The error has a line for each mistake, which begins with the option's name. Pure:
// nothing is looked up or bound.
Result<SmallPlan> plan_small_setup(const SmallOptions& options, AllAddresses all_addresses);

}  // namespace portcullis::cli
