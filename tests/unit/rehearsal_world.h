#pragma once

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_text.h"
#include "control/load_config.h"
#include "control/rehearsal.h"
#include "control/snapshot.h"
#include "exchange_world.h"
#include "policy/services.h"

namespace portcullis {

// A worker that serves compiled configurations and records the heads of requests, in memory.
class RehearsalWorld : public proxy::ExchangeWorld {
 protected:
  // A consumer `shop` and its credentials: an API key, and a token that has the scope orders:read.
  static constexpr const char* kKey = "shop_3kXq9vTn0bWm5yRz8uJd";
  static constexpr const char* kToken =
      "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
      "eyJleHAiOjQxMDI0NDQ4MDAsInN1YiI6ImF1dGgwfDQyIiwiYXVkIjoib3JkZXJzIiwic2NvcGUiOiJvcmRlcnM6cmVhZCJ9.0m_"
      "YC_RvKeUOM675WWRzKwjIS4IFtVkarirFGn41JXs";
  static constexpr const char* kShop =
      "consumers: [{name: shop, credentials: {jwt_subject: auth0|42, keys: "
      "\"sha256:0c4eb3e985136132911dfa1239c894b702d9b71c6542fe70155635199a63865d\"}}]\n";
  // A policy that accepts the token; the braces of its settings are open for more of them.
  static constexpr const char* kJwt = "jwt: {secret: 0123456789abcdef0123456789abcdef, audience: orders";
  static constexpr const char* kAnswers = "respond: {body: served}";

  ~RehearsalWorld() override { end(); }

  // A route with this name that takes what `match` says, and answers behind `policies`.
  static std::string route(const std::string& name, const std::string& match,
                           const std::string& policies = "") {
    return "  - {name: " + name + ", match: {" + match + "}, policies: [" +
           (policies.empty() ? "" : policies + ", ") + kAnswers + "]}\n";
  }
  static std::shared_ptr<const config::Config> read(const std::string& routes,
                                                    const std::string& more = kShop) {
    config::Diagnostics diagnostics;
    auto config = control::load_config_text(
        "version: 1\nlisteners: [{name: main, address: \"127.0.0.1:9000\"}]\n" + more + "routes:\n" + routes,
        "c.yaml", diagnostics);
    for (const config::Diagnostic& one : diagnostics.sorted()) {
      if (one.severity == config::Severity::kError) ADD_FAILURE() << one.message;
    }
    return config ? std::make_shared<const config::Config>(std::move(*config)) : nullptr;
  }

  // The worker serves this configuration from now on.
  void serve(const std::string& routes, const std::string& more = kShop) {
    present = read(routes, more);
    ASSERT_NE(present, nullptr);
    auto compiled = control::compile_snapshot(*present, ++version_, metrics, *services_, kept_);
    ASSERT_TRUE(compiled);
    services_->settle();
    serve_snapshot(std::move(*compiled));
  }
  // A client sends a request with these fields, each with its line end, and gets the answer.
  void ask(const std::string& target, const std::string& fields = "", const std::string& method = "GET") {
    client = std::make_shared<MemoryEnd>();
    is_over = false;
    begin(method + " " + target + " HTTP/1.1\r\nHost: Shop.Example:8080\r\n" + fields + "\r\n");
    run_to_end();
  }

  std::vector<proxy::RecordedHeads> recorded_heads() const { return recorded_->copy(); }
  // All that is recorded, as bytes.
  std::string recorded_bytes() const {
    std::string out;
    for (const proxy::RecordedHeads& one : recorded_heads()) out += one.bytes;
    return out;
  }
  // What is recorded, as texts for people.
  std::vector<std::string> recorded_texts() const {
    const std::vector<proxy::RecordedHeads> heads = recorded_heads();
    std::vector<std::string> out;
    for (const proxy::RecordedHead& one : proxy::read_heads(heads)) out.push_back(proxy::describe(one));
    return out;
  }

  // The report about a change from the present configuration to this one.
  nlohmann::json compare(const std::string& routes, const std::string& more = kShop) const {
    const auto planned = read(routes, more);
    if (planned == nullptr) return {};
    const auto report = control::compare({present, planned}, recorded_heads(), std::stop_token());
    EXPECT_TRUE(report);
    return report ? report->tell() : nlohmann::json();
  }

  std::shared_ptr<const config::Config> present{};

 private:
  std::unique_ptr<policy::Services> services_ =
      std::make_unique<policy::Services>(1, loop_, metrics.of_policies());
  control::Kept kept_{control::TlsState([](Level, const std::string&) {})};
  uint64_t version_ = 0;
};

}  // namespace portcullis
