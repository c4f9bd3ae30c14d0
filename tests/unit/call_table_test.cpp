// The table of calls of the admin API: which call a request is for, and that the calls describe themselves.
#include "control/admin/call_table.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <set>

#include "control/admin/openapi.h"

namespace portcullis::control {
namespace {

using Variables = std::vector<std::pair<std::string_view, std::string>>;

Call call(const std::string& method, const std::string& path) {
  return {.method = method, .path = path, .id = method + path, .group = "G", .summary = "S"};
}

class TableOfCalls : public ::testing::Test {
 protected:
  TableOfCalls() {
    table_.add(call("GET", "/v1/{kind}/{name}"));
    table_.add(call("PUT", "/v1/{kind}/{name}"));
    table_.add(call("GET", "/v1/health/upstreams"));
    table_.add(call("POST", "/v1/upstreams/{upstream}/targets/{address}/drain"));
  }

  // "METHOD /template", or the methods that are allowed.
  std::string found(std::string_view method, std::string_view path) const {
    const CallTable::Found it = table_.find(method, path);
    return it.call != nullptr ? it.call->id : "allowed: " + it.allow;
  }

  CallTable table_;
};

TEST_F(TableOfCalls, PrefersFixedPartsToVariables) {
  EXPECT_EQ(found("GET", "/v1/health/upstreams"), "GET/v1/health/upstreams");
  EXPECT_EQ(found("GET", "/v1/routes/upstreams"), "GET/v1/{kind}/{name}");
  // Another method of the same path may belong to a template with variables.
  EXPECT_EQ(found("PUT", "/v1/health/upstreams"), "PUT/v1/{kind}/{name}");
}

TEST_F(TableOfCalls, SplitsThePathBeforeItIsDecoded) {
  const auto it = table_.find("POST", "/v1/upstreams/a%2Fb%25/targets/%5B::1%5D:80/drain");
  ASSERT_NE(it.call, nullptr);
  EXPECT_EQ(it.variables, (Variables{{"upstream", "a/b%"}, {"address", "[::1]:80"}}));
  EXPECT_EQ(found("GET", "/v1/routes%2Forders"), "allowed: ");
}

TEST_F(TableOfCalls, TakesUnderscoresForTheHyphensOfFixedParts) {
  table_.add(call("GET", "/v1/policy-sets/{name}"));
  EXPECT_EQ(found("GET", "/v1/policy-sets/a_b"), "GET/v1/policy-sets/{name}");
  const auto it = table_.find("GET", "/v1/policy_sets/a_b");
  ASSERT_NE(it.call, nullptr);
  EXPECT_EQ(it.call->id, "GET/v1/policy-sets/{name}");
  EXPECT_EQ(it.variables, (Variables{{"name", "a_b"}}));
}

TEST_F(TableOfCalls, RefusesNamesThatAreNoNames) {
  for (const char* name : {"", ".", "..", "%2e", "%2E%2e", "%ff", "a%00", "%c3%28"})
    EXPECT_EQ(found("GET", std::string("/v1/routes/") + name), "allowed: ") << name;
  EXPECT_EQ(found("GET", "/v1/routes/..."), "GET/v1/{kind}/{name}");
  EXPECT_EQ(found("GET", "/v1/routes/%C3%A4"), "GET/v1/{kind}/{name}");
}

TEST_F(TableOfCalls, NamesTheMethodsOfAPath) {
  EXPECT_EQ(found("DELETE", "/v1/routes/orders"), "allowed: GET, HEAD, PUT");
  EXPECT_EQ(found("HEAD", "/v1/routes/orders"), "GET/v1/{kind}/{name}");
  EXPECT_EQ(found("HEAD", "/v1/upstreams/a/targets/b/drain"), "allowed: POST");
  EXPECT_EQ(found("GET", "/v1"), "allowed: ");
  EXPECT_EQ(found("GET", ""), "allowed: ");
}

TEST(CallsOfTheGateway, DescribeThemselves) {
  std::set<std::string> ids;
  for (const Call& one : admin_calls().all()) {
    EXPECT_TRUE(ids.insert(one.id).second) << one.id;
    EXPECT_TRUE(one.handle) << one.path;
    EXPECT_FALSE(one.summary.empty() || one.summary.ends_with('.')) << one.path;
    EXPECT_FALSE(one.answers.empty()) << one.path;
    size_t variables = 0;
    for (const char c : one.path) variables += c == '{' ? 1 : 0;
    EXPECT_EQ(variables, one.variables.size()) << one.path;
    for (const auto& variable : one.variables)
      EXPECT_NE(one.path.find("{" + variable.name + "}"), std::string::npos) << one.path;
    // Only what shows health, and sessions, needs no token.
    if (!one.role) {
      EXPECT_TRUE(std::set<std::string>({"/healthz", "/readyz", "/login", "/logout"}).contains(one.path))
          << one.path;
    } else if (one.effect == Call::Effect::kWrites) {
      EXPECT_GE(*one.role, config::AdminRole::kOperator) << one.path;
    }
  }
}

TEST(CallsOfTheGateway, AreAllInTheDescription) {
  const nlohmann::json document = openapi_document(admin_calls());
  for (const Call& one : admin_calls().all()) {
    ASSERT_TRUE(document["paths"].contains(one.path)) << one.path;
    EXPECT_NE(api_page(admin_calls()).find("### `" + one.method + " " + one.path + "`"), std::string::npos);
  }
}

}  // namespace
}  // namespace portcullis::control
