// Warnings about policies, and about the callers and routes that they name.
#include "found_warnings.h"

namespace portcullis::control {
namespace {

TEST(Warnings, CorsAfterAuthentication) {
  const std::string cors = "cors: {origins: ['https://a.example']}";
  EXPECT_EQ(
      found_in_policies("key_auth: {}, " + cors),
      Found{"11:cors_after_authentication: browsers send preflights without credentials: `key_auth` (line "
            "11) refuses them before `cors` can answer; put `cors` first"});
  EXPECT_EQ(found_in_policies(cors + ", key_auth: {}"), Found{});
  EXPECT_EQ(found_in_policies("key_auth: {anonymous: client-a}, " + cors), Found{});
  EXPECT_EQ(found_in_policies("any_of: {methods: [key_auth: {}]}, " + cors).size(), 1u);
  // Policies of the top level come first.
  EXPECT_EQ(found(kTop + ("policies: [" + cors +
                          "]\nroutes:\n  - {name: r, match: {path: /r}, policies: "
                          "[key_auth: {}, " +
                          cors + "], upstream: app}\n")),
            Found{});
  EXPECT_EQ(
      found(kTop + ("policies: [key_auth: {}]\nroutes:\n  - {name: r, match: {path: /r}, policies: [" + cors +
                    "], upstream: app}\n")),
      Found{"12:cors_after_authentication: browsers send preflights without credentials: `key_auth` (line "
            "10) refuses them before `cors` can answer; put `cors` first"});
}

TEST(Warnings, CacheBeforeAccess) {
  EXPECT_EQ(found_in_policies("cache: {}, key_auth: {}"),
            Found{"11:cache_before_access: `cache` stands before `key_auth` (line 11): stored responses are "
                  "served to requests that `key_auth` would refuse"});
  EXPECT_EQ(found_in_policies("cache: {}, ip_filter: {deny: [192.0.2.0/24]}").size(), 1u);
  EXPECT_EQ(found_in_policies("key_auth: {}, cache: {}"), Found{});
  EXPECT_EQ(found_in_policies("cache: {}, rate_limit: {limit: 1/s}"), Found{});
  EXPECT_EQ(found_in_policies("cache: {when: request.path under /public}, key_auth: {}"), Found{});
}

TEST(Warnings, UnknownCaller) {
  EXPECT_EQ(
      found_in_policies("quota: {limit: 3}"),
      Found{"11:unknown_caller: `quota` refuses every request here: no policy before it authenticates"});
  EXPECT_EQ(found_in_policies("usage_plan: {}").size(), 1u);
  EXPECT_EQ(found_in_policies("acl: {rules: [{allow: consumer.groups = staff}]}, key_auth: {}"),
            Found{"11:unknown_caller: `consumer.groups` of `acl` never has a value here: no policy before it "
                  "authenticates"});
  EXPECT_EQ(found_in_policies("rate_limit: {limit: 1/s, key: '{claim.sub}'}").size(), 1u);
  EXPECT_EQ(
      found_in_policies("key_auth: {}, rate_limit: {limit: 1/s, key: '{claim.sub}'}"),
      Found{"11:unknown_caller: `claim.sub` of `rate_limit` never has a value here: no policy before it "
            "reads a token (`jwt`, `oauth2_introspection`)"});
  EXPECT_EQ(found_in_policies("headers: {request: {set: {x-user: '{consumer.name}'}}}").size(), 1u);
  EXPECT_EQ(found_in_policies("cache: {key: '{consumer.name}'}").size(), 1u);
  EXPECT_EQ(
      found_in_policies("key_auth: {}, quota: {limit: 3}, acl: {rules: [{allow: consumer.groups = staff}]}"),
      Found{});
  const std::string secret = "secret: 0123456789abcdef0123456789abcdef, audience: '*'";
  EXPECT_EQ(found_in_policies("jwt: {" + secret +
                              ", require: claim.role = admin}, rate_limit: {limit: 1/s, "
                              "key: '{claim.sub}'}"),
            Found{});
  // Response headers are set when the consumer is known; a key by consumer falls back to the address.
  EXPECT_EQ(found_in_policies("headers: {response: {set: {x-user: '{consumer.name}'}}}, rate_limit: {limit: "
                              "1/s}, key_auth: {}"),
            Found{});
  EXPECT_EQ(
      found(kTop +
            std::string("policies: [acl: {rules: [{allow: consumer.groups = staff}]}]\nroutes:\n  - {name: "
                        "r, match: {path: /r}, policies: [key_auth: {}], upstream: app}\n"))
          .size(),
      1u);
  EXPECT_EQ(found_in_routes(
                "  - {name: r, match: {path: /r}, split: [{upstream: app, when: consumer.groups = staff}, "
                "{upstream: other}]}\n"),
            Found{"11:unknown_caller: `consumer.groups` never has a value here: no policy of route `r` "
                  "authenticates"});
}

TEST(Warnings, UnknownGroupsAndConsumers) {
  EXPECT_EQ(found_in_policies("key_auth: {}, acl: {rules: [{allow: consumer.groups = staf}]}"),
            Found{"11:unknown_group: no consumer is in the group `staf` - did you mean `staff`?"});
  EXPECT_EQ(
      found_in_policies("key_auth: {}, acl: {rules: [{deny: 'not consumer.name in [client-a, nobody]'}]}"),
      Found{"11:unknown_consumer: there is no consumer `nobody`"});
  EXPECT_EQ(
      found_in_policies("key_auth: {}, fault: {abort: {status: 503}, when: consumer.name = nobody}").size(),
      1u);
  EXPECT_EQ(
      found_in_policies(
          "key_auth: {}, acl: {rules: [{allow: consumer.groups = staff}, {allow: consumer.groups exists}]}"),
      Found{});
}

TEST(Warnings, UnknownRoutes) {
  const std::string top = kTop + std::string("access_log: {path: stdout, except_routes: [");
  const std::string routes = "]}\nroutes: [{name: health, match: {path: /h}, policies: [respond: {}]}]\n";
  EXPECT_EQ(
      found(top + "helth" + routes),
      Found{"10:unknown_route: `except_routes` of the access log names no route: there is no `helth` - did "
            "you mean `health`?"});
  EXPECT_EQ(found(top + "health" + routes), Found{});
}

TEST(Warnings, MissingCredentials) {
  EXPECT_EQ(
      found_in_policies("basic_auth: {}"),
      Found{"11:missing_credentials: `basic_auth` refuses every request: no consumer of `consumers` has "
            "`credentials.basic`"});
  EXPECT_EQ(found_in_policies("hmac_auth: {}").size(), 1u);
  EXPECT_EQ(found_in_policies("key_auth: {}"), Found{});
  EXPECT_EQ(found_in_policies("basic_auth: {anonymous: client-a}"), Found{});
}

TEST(Warnings, UnreachedPolicies) {
  EXPECT_EQ(
      found_in_policies("respond: {}, key_auth: {}, compress: {}"),
      Found{"11:unreached_policy: `key_auth` never sees a request: `respond` (line 11) answers all of them "
            "before it"});
  EXPECT_EQ(found_in_policies("redirect: {to: /x}, key_auth: {}").size(), 1u);
  EXPECT_EQ(found_in_policies("key_auth: {}, respond: {}"), Found{});
  EXPECT_EQ(found_in_policies("respond: {}, cors: {origins: ['https://a.example']}"), Found{});
}

TEST(Warnings, RelativeRedirects) {
  EXPECT_EQ(found_in_policies("redirect: {to: www.a.example/x}"),
            Found{"11:relative_redirect: `www.a.example/x` has no scheme, so clients read it as a path on "
                  "the same host: write `https://www.a.example/x`"});
  EXPECT_EQ(found_in_policies("redirect: {to: 'a:8080/x'}").size(), 1u);
  for (const char* good : {"/x", "https://a.example/x", "../x.html", "'{request.header.x-next}'", "'?a=b.c'",
                           "'mailto:a@b.example'"})
    EXPECT_EQ(found_in_policies("redirect: {to: " + std::string(good) + "}"), Found{}) << good;
}

}  // namespace
}  // namespace portcullis::control
