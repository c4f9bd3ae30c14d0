#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "control/load_config.h"

// What `check` finds in a configuration that is valid.
namespace portcullis::control {

inline const std::string kKeyHash = "sha256:6ab9f1eb8f7d3388f4f9d586f66e99fd54080df2c446f0e58668b09c08a16dd0";

inline constexpr const char* kTop = R"(version: 1
listeners: [{name: main, address: "127.0.0.1:9000"}]
quotas: {file: q.db}
upstreams:
  - {name: app, targets: [{address: "127.0.0.1:9001"}]}
  - {name: other, targets: [{address: "127.0.0.1:9002"}]}
  - {name: rpc, protocol: http2, targets: [{address: "127.0.0.1:9003"}]}
consumers:
  - {name: client-a, groups: [staff], credentials: {keys: "sha256:6ab9f1eb8f7d3388f4f9d586f66e99fd54080df2c446f0e58668b09c08a16dd0"}}
)";

// The warnings about `text`, each as "line:check: message".
inline std::vector<std::string> found(const std::string& text) {
  config::Diagnostics diagnostics;
  const auto config = load_config_text(text, "c.yaml", diagnostics);
  std::vector<std::string> out;
  for (const config::Diagnostic& one : diagnostics.sorted()) {
    EXPECT_EQ(one.severity, config::Severity::kWarning) << one.to_string();
    out.push_back(std::to_string(one.location.line()) + ":" + one.check + ": " + one.message);
  }
  return out;
}

inline std::vector<std::string> found_in_routes(const std::string& routes) {
  return found(kTop + ("routes:\n" + routes));
}

// The warnings about one route with these policies.
inline std::vector<std::string> found_in_policies(const std::string& policies,
                                                  const std::string& upstream = "app") {
  return found_in_routes("  - {name: r, match: {path_prefix: /r}, policies: [" + policies +
                         "], upstream: " + upstream + "}\n");
}

using Found = std::vector<std::string>;

}  // namespace portcullis::control
