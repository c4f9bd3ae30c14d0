// What a change of the configuration means for recorded requests.
#include "control/changed_bound.h"
#include "rehearsal_world.h"

namespace portcullis {
namespace {

using nlohmann::json;

class RehearsalTest : public RehearsalWorld {
 protected:
  std::string key_field() const { return "X-API-Key: " + std::string(kKey) + "\r\n"; }
};

TEST_F(RehearsalTest, NothingChangesBetweenEqualConfigurations) {
  const std::string routes = route("all", "path_prefix: /", "key_auth: {}");
  serve(routes);
  ask("/a", key_field());
  ask("/b");
  ask("/c", "X-API-Key: wrong\r\n");
  const json report = compare(routes);
  EXPECT_EQ(report["replayed"], 3);
  EXPECT_EQ(report["unchanged"], 3) << report;
  EXPECT_EQ(report["groups"], json::array());
  EXPECT_EQ(report["unused_routes"], json::array());
}

TEST_F(RehearsalTest, RequestsAreGroupedByBothSidesTheLargestGroupFirst) {
  serve(route("orders", "path_prefix: /orders") + route("users", "path_prefix: /users"));
  ask("/users/1");
  for (int i = 0; i < 5; ++i) ask("/orders/" + std::to_string(i));
  const json report = compare(route("people", "path_prefix: /users") + route("new", "path_prefix: /new"));
  EXPECT_EQ(report["unchanged"], 0);
  ASSERT_EQ(report["groups"].size(), 2u) << report;
  const json& first = report["groups"][0];
  EXPECT_EQ(first["count"], 5);
  EXPECT_EQ(
      first["before"],
      json(
          {{"route", "orders"}, {"outcome", "answered"}, {"status", 200}, {"reason", "answered_by_policy"}}));
  EXPECT_EQ(first["after"],
            json({{"route", nullptr}, {"outcome", "refused"}, {"status", 404}, {"reason", "no_route"}}));
  EXPECT_EQ(first["examples"], json({"GET /orders/0\nhost: shop.example", "GET /orders/1\nhost: shop.example",
                                     "GET /orders/2\nhost: shop.example"}));
  EXPECT_EQ(report["groups"][1]["after"]["route"], "people");
  EXPECT_EQ(report["unused_routes"], json::array({"new"}));
  EXPECT_EQ(report["groups_left_out"], 0);
}

TEST_F(RehearsalTest, AForwardedRequestNamesItsUpstream) {
  const std::string upstreams =
      "upstreams: [{name: a, targets: [{address: \"127.0.0.1:9001\"}]}, {name: b, targets: [{address: "
      "\"127.0.0.1:9001\"}]}]\n";
  serve(route("all", "path_prefix: /"));
  ask("/1");
  const auto forwards = [](const std::string& to) {
    return "  - {name: all, match: {path_prefix: /}, " + to + "}\n";
  };
  EXPECT_EQ(compare(forwards("upstream: b"), upstreams)["groups"][0]["after"],
            json({{"route", "all"}, {"outcome", "forwarded"}, {"upstream", "b"}}));
  EXPECT_EQ(compare(forwards("split: [{upstream: a, weight: 1}, {upstream: b, weight: 1}]"),
                    upstreams)["groups"][0]["after"],
            json({{"route", "all"}, {"outcome", "forwarded"}}));
  EXPECT_EQ(compare(forwards("split: [{upstream: a, weight: 1}, {upstream: b, when: request.path under /1}]"),
                    upstreams)["groups"][0]["after"]["upstream"],
            "b");
}

TEST_F(RehearsalTest, AFieldThatNobodyRecordedMakesTheOutcomeUnknown) {
  serve(route("all", "path_prefix: /"));
  ask("/a", "X-Beta: 1\r\n");
  const json by_route =
      compare(route("beta", "path_prefix: /, headers: {x-beta: \"1\"}") + route("all", "path_prefix: /"));
  EXPECT_EQ(by_route["groups"][0]["after"], json({{"route", nullptr},
                                                  {"outcome", "unknown"},
                                                  {"reason", "request.header.x-beta was not recorded"}}));
  const json by_policy =
      compare(route("all", "path_prefix: /", "acl: {rules: [{deny: request.header.x-beta = 1}]}"));
  EXPECT_EQ(
      by_policy["groups"][0]["after"],
      json({{"route", "all"}, {"outcome", "unknown"}, {"reason", "request.header.x-beta was not recorded"}}));
  const json elsewhere =
      compare(route("beta", "path_prefix: /b, headers: {x-beta: \"1\"}") + route("all", "path_prefix: /"));
  EXPECT_EQ(elsewhere["unchanged"], 1) << elsewhere;
}

TEST_F(RehearsalTest, AFieldThatWasRecordedDecides) {
  serve(route("beta", "path_prefix: /, headers: {x-beta: \"1\"}") + route("all", "path_prefix: /"));
  ask("/a", "X-Beta: 1\r\n");
  ask("/b");
  const json report =
      compare(route("beta", "path_prefix: /, headers: {x-beta: \"2\"}") + route("all", "path_prefix: /"));
  EXPECT_EQ(report["unchanged"], 1);
  EXPECT_EQ(report["groups"][0]["before"]["route"], "beta");
  EXPECT_EQ(report["groups"][0]["after"]["route"], "all");
}

TEST_F(RehearsalTest, ACredentialLeadsToTheRecordedConsumer) {
  serve(route("all", "path_prefix: /", "key_auth: {}"));
  ask("/a", key_field());
  const json refused =
      compare(route("all", "path_prefix: /", "key_auth: {}, acl: {rules: [{deny: consumer.name = shop}]}"));
  EXPECT_EQ(refused["groups"][0]["after"]["outcome"], "refused") << refused;
  EXPECT_EQ(refused["groups"][0]["after"]["status"], 403);
  const json gone = compare(route("all", "path_prefix: /", "key_auth: {}"), "");
  EXPECT_EQ(gone["groups"][0]["after"],
            json({{"route", "all"}, {"outcome", "refused"}, {"status", 401}, {"reason", "key_unknown"}}));
}

TEST_F(RehearsalTest, ACredentialThatNoPolicyHasJudgedIsNotKnown) {
  const std::string other = route("other", "path_prefix: /other", "key_auth: {}");
  serve(other + route("all", "path_prefix: /"));
  ask("/a", key_field());
  ask("/b");
  const json report = compare(other + route("all", "path_prefix: /", "key_auth: {}"));
  ASSERT_EQ(report["groups"].size(), 2u) << report;
  json reasons = {report["groups"][0]["after"]["reason"], report["groups"][1]["after"]["reason"]};
  std::sort(reasons.begin(), reasons.end());
  EXPECT_EQ(reasons, json({"key_missing", "request.header.x-api-key was not recorded"}));
}

TEST_F(RehearsalTest, ClaimsThatWereRecordedDecideAgain) {
  const std::string jwt = kJwt;
  serve(route("all", "path_prefix: /", jwt + ", require: {scope: orders:read}}"));
  ask("/a", "Authorization: Bearer " + std::string(kToken) + "\r\n");
  EXPECT_EQ(compare(route("all", "path_prefix: /", jwt + ", require: {scope: orders:read}}"))["unchanged"],
            1);
  EXPECT_EQ(compare(route("all", "path_prefix: /",
                          jwt + ", require: {scope: orders:write}}"))["groups"][0]["after"]["status"],
            403);
  EXPECT_EQ(compare(route("all", "path_prefix: /",
                          jwt + ", require: {claim.tenant: acme}}"))["groups"][0]["after"]["reason"],
            "claim.tenant was not recorded");
}

TEST_F(RehearsalTest, LimitsAreSimulatedAndInNoGroup) {
  const auto limited = [](const std::string& rate) {
    return route("all", "path_prefix: /", "rate_limit: {limits: [{name: burst, limit: " + rate + "}]}");
  };
  serve(limited("1000/min"));
  for (int i = 0; i < 10; ++i) ask("/" + std::to_string(i));
  const json report = compare(limited("4/h"));
  EXPECT_EQ(report["unchanged"], 10);
  EXPECT_EQ(
      report["limits"],
      json::array(
          {{{"route", "all"}, {"policy", "rate_limit"}, {"limit", "burst"}, {"before", 0}, {"after", 6}}}));
}

TEST(ChangedBoundTest, ANumberOrAShareOfTheReplayedRequests) {
  using control::ChangedBound;
  const auto exceeds = [](const json& bound, uint64_t changed, uint64_t replayed) {
    return ChangedBound::read(bound)->is_exceeded(changed, replayed);
  };
  EXPECT_FALSE(exceeds(20, 20, 100));
  EXPECT_TRUE(exceeds(20, 21, 100));
  EXPECT_FALSE(exceeds("5%", 5, 100));
  EXPECT_TRUE(exceeds("5%", 6, 100));
  EXPECT_TRUE(exceeds("0.5%", 1, 100));
  EXPECT_FALSE(exceeds("0%", 0, 0));
  EXPECT_TRUE(exceeds("0", 1, 100));
  for (const json& wrong :
       {json(-1), json("x"), json("101%"), json("%"), json("1e1%"), json("5 %"), json(1.5)})
    EXPECT_FALSE(ChangedBound::read(wrong)) << wrong;
}

}  // namespace
}  // namespace portcullis
