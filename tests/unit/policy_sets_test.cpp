// Policy sets: how they are read, where they can be used, and what lists of policies consist of.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/loader.h"
#include "config/policy_set.h"
#include "control/load_config.h"
#include "found_warnings.h"
#include "policy/registry.h"

namespace portcullis::config {
namespace {

const std::string kHead = R"(version: 1
listeners: [{name: main, address: "127.0.0.1:9000"}]
upstreams: [{name: app, targets: [{address: "127.0.0.1:9001"}]}]
)";  // three lines

// What `check` says about `text` after kHead, without the name of the file.
std::vector<std::string> said(const std::string& text) {
  Diagnostics diagnostics;
  (void)control::load_config_text(kHead + text, "c", diagnostics);
  std::vector<std::string> out;
  for (const Diagnostic& one : diagnostics.sorted()) out.push_back(one.to_string().substr(2));
  return out;
}
using Said = std::vector<std::string>;

// The names of the policies of a list, each with its set.
std::vector<std::string> names_in(const Config& config, const PolicyList& list) {
  std::vector<std::string> out;
  PolicySets(config.policy_sets).for_each_policy(list, [&](const PolicyUse& use, const PolicySet* set) {
    out.push_back(use.name + (set == nullptr ? "" : " of " + set->name));
  });
  return out;
}

TEST(PolicySets, StandInTheirOrderInThePlaceOfTheirUses) {
  Diagnostics diagnostics;
  const auto config = load_text(kHead + R"(policy_sets:
  - {name: public, description: For all, labels: {team: edge}, policies: [{cors: {origins: ["*"]}}, {rate_limit: {limit: 5/s}}]}
  - {name: empty, policies: []}
policies: [{use: public}]
routes:
  - name: r
    match: {path_prefix: /}
    policies: [{headers: {response: {set: {a: b}}}}, {use: empty}, {use: public}, {compress: {}}, {use: public}]
    upstream: app
)",
                                "c", policy::catalog(), diagnostics);
  ASSERT_TRUE(config) << diagnostics.sorted().at(0).to_string();
  EXPECT_EQ(names_in(*config, config->policies), (Said{"cors of public", "rate_limit of public"}));
  EXPECT_EQ(names_in(*config, config->routes[0].policies),
            (Said{"headers", "cors of public", "rate_limit of public", "compress", "cors of public",
                  "rate_limit of public"}));
  EXPECT_EQ(config->policy_sets[0].description, "For all");
  EXPECT_EQ(config->policy_sets[0].labels, (TextMap{{"team", "edge"}}));
}

TEST(PolicySets, ThatDoNotExistAreReportedWhereTheyAreUsed) {
  EXPECT_EQ(said(R"(policy_sets: [{name: public, policies: []}]
policies: [{use: publik}]
routes: [{name: r, match: {path: /}, policies: [{use: pubic}]}]
)"),
            (Said{"5:18: error: there is no policy set `publik` - did you mean `public`?",
                  "6:55: error: there is no policy set `pubic` - did you mean `public`?"}));
}

TEST(PolicySets, CanBeUsedInRoutesAndAtTheTopLevelOnly) {
  const std::string only =
      " error: a policy set can be used only in the `policies` of a route and of the top level: write the "
      "policies themselves here";
  EXPECT_EQ(said("policy_sets:\n  - {name: a, policies: [{use: b}]}\n  - {name: b, policies: [{use: b}]}\n"
                 "plans: [{name: p, policies: [{use: a}]}]\n"
                 "policies: [{any_of: {methods: [{use: a}, {key_auth: {}}]}}]\n"),
            (Said{"5:32:" + only, "6:32:" + only, "7:36:" + only, "8:38:" + only}));
}

TEST(PolicySets, MustBeNamedInTheUsualForm) {
  const auto said_of = [](const std::string& entry) { return said("policies:\n  - " + entry + "\n"); };
  EXPECT_EQ(said_of("use: a b"),
            (Said{"5:10: error: `a b` is not a name: use letters, digits, '-', '_' and '.'"}));
  EXPECT_EQ(
      said_of("{use: a, key_auth: {}}"),
      (Said{"5:14: error: `key_auth` is a second policy of this entry: each begins with a `- ` of its own"}));
  EXPECT_EQ(said("policies: {use: a}\n"),
            (Said{"4:11: error: expected a list of policies: each begins with `- `, as `- use: NAME`"}));
  EXPECT_EQ(said_of("use:").size(), 1u);
  EXPECT_EQ(said_of("use: [a]").size(), 1u);
  EXPECT_EQ(said("policy_sets:\n  - {name: a, policies: []}\n  - {name: a, policies: []}\n"),
            (Said{"6:5: error: a second policy set named `a`; the first is at line 5"}));
}

TEST(PolicySets, HaveTheirMistakesReportedOnceAtTheirOwnPlace) {
  const std::string routes = R"(routes:
  - {name: r, match: {path: /r}, policies: [{use: s}]}
  - {name: q, match: {path: /q}, policies: [{use: s}], upstream: app}
)";
  // Without its policy the route seems to have neither an upstream nor an answer, which is not reported.
  EXPECT_EQ(said("policy_sets:\n  - name: s\n    policies:\n      - respnd: {}\n" + routes),
            (Said{"7:9: error: there is no policy `respnd` - did you mean `respond`?"}));
  EXPECT_EQ(said("policy_sets:\n  - {name: s, policies: [{respond: {status: 99}}]}\n" + routes).size(), 1u);
  // Mistakes that are found beside the rest of the configuration, too, and in a set without uses.
  const std::string faulty = "policy_sets:\n  - {name: s, policies: [{fault: {}}, {respond: {}}]}\n";
  const Said found{"5:27: error: `fault` needs `delay`, `abort` or both"};
  EXPECT_EQ(said(faulty + routes), found);
  EXPECT_EQ(said(faulty), found);
}

TEST(PolicySets, GiveRoutesTheTraitsOfTheirPolicies) {
  EXPECT_EQ(said(R"(policy_sets: [{name: s, policies: [{respond: {}}]}]
routes: [{name: r, match: {path: /}, policies: [{use: s}]}]
assertions: [{every_route: {}, requires: [respond]}]
)"),
            Said{});
  EXPECT_EQ(said(R"(policy_sets: [{name: s, policies: [{compress: {}}]}]
routes: [{name: r, match: {path: /}, policies: [{use: s}]}]
)")
                .size(),
            1u);
  EXPECT_EQ(said(R"(policy_sets: [{name: s, policies: [{compress: {}}]}]
routes: [{name: r, match: {path: /}, policies: [{use: s}], upstream: app}]
assertions: [{every_route: {}, requires: [key_auth]}]
)"),
            Said{"6:14: error: the assertion does not hold: route `r` (line 5) lacks `key_auth`"});
}

}  // namespace
}  // namespace portcullis::config

namespace portcullis::control {
namespace {

const std::string kRoutes = R"(routes:
  - {name: r, match: {path_prefix: /r}, policies: [{use: s}], upstream: app}
  - {name: q, match: {path_prefix: /q}, policies: [{use: s}], upstream: app}
)";

TEST(WarningsOfPolicySets, AreReportedOnce) {
  EXPECT_EQ(found(kTop + ("policy_sets:\n  - {name: s, policies: [{key_auth: {}}, {cors: {origins: "
                          "['https://a.example']}}]}\n" +
                          kRoutes)),
            (Found{"11:cors_after_authentication: browsers send preflights without credentials: `key_auth` "
                   "(line 11) refuses them before `cors` can answer; put `cors` first"}));
  EXPECT_EQ(found(kTop + ("policy_sets:\n  - {name: s, policies: [{key_auth: {}}, {acl: {rules: [{allow: "
                          "consumer.groups = staf}]}}]}\n" +
                          kRoutes)),
            (Found{"11:unknown_group: no consumer is in the group `staf` - did you mean `staff`?"}));
}

TEST(WarningsOfPolicySets, NameTheRouteInWhichAPolicyDoesNotWork) {
  EXPECT_EQ(found(kTop + std::string(R"(policy_sets: [{name: s, policies: [{quota: {limit: 5, per: day}}]}]
routes:
  - {name: r, match: {path_prefix: /r}, policies: [{use: s}], upstream: app}
  - {name: q, match: {path_prefix: /q}, policies: [{key_auth: {}}, {use: s}], upstream: app}
)")),
            (Found{"10:unknown_caller: `quota` refuses every request in route `r`: no policy before it "
                   "authenticates"}));
}

}  // namespace
}  // namespace portcullis::control
