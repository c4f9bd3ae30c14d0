#include "control/warnings/warnings.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "control/snapshot.h"

namespace portcullis::control {
namespace {

constexpr const char* kTop = R"(version: 1
listeners: [{name: main, address: "127.0.0.1:9000"}]
quotas: {file: q.db}
upstreams:
  - {name: app, targets: [{address: "127.0.0.1:9001"}]}
  - {name: other, targets: [{address: "127.0.0.1:9002"}]}
  - {name: rpc, protocol: http2, targets: [{address: "127.0.0.1:9003"}]}
consumers:
  - {name: client-a, groups: [staff], credentials: {keys: "sha256:6ab9f1eb8f7d3388f4f9d586f66e99fd54080df2c446f0e58668b09c08a16dd0"}}
)";

// What is reported about `text`, "line:check: message" each.
std::vector<std::string> found(const std::string& text) {
  config::Diagnostics diagnostics;
  const auto config = load_config(config::Source{"c.yaml", text}, diagnostics);
  std::vector<std::string> out;
  for (const config::Diagnostic& one : diagnostics.sorted()) {
    EXPECT_EQ(one.severity, config::Severity::kWarning) << one.to_string();
    out.push_back(std::to_string(one.location.line) + ":" + one.check + ": " + one.message);
  }
  return out;
}

std::vector<std::string> found_in_routes(const std::string& routes) {
  return found(kTop + ("routes:\n" + routes));
}

// One route with these policies.
std::vector<std::string> found_in_policies(const std::string& policies, const std::string& upstream = "app") {
  return found_in_routes("  - {name: r, match: {path_prefix: /r}, policies: [" + policies +
                         "], upstream: " + upstream + "}\n");
}

using Found = std::vector<std::string>;

TEST(Warnings, HaveNamesInOrder) {
  std::string_view before;
  for (const warnings::Check& check : warnings::checks()) {
    EXPECT_LT(before, check.name);
    before = check.name;
  }
}

TEST(Warnings, CorsAfterAuthentication) {
  const std::string cors = "cors: {origins: ['https://a.example']}";
  EXPECT_EQ(
      found_in_policies("key_auth: {}, " + cors),
      Found{"11:cors_after_authentication: browsers send preflights without credentials: `key_auth` (line "
            "11) refuses them before `cors` can answer; put `cors` first"});
  EXPECT_EQ(found_in_policies(cors + ", key_auth: {}"), Found{});
  EXPECT_EQ(found_in_policies("key_auth: {anonymous: client-a}, " + cors), Found{});
  EXPECT_EQ(found_in_policies("any_of: {methods: [key_auth: {}]}, " + cors).size(), 1u);
  // The top level's come first.
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
  EXPECT_EQ(
      found_in_policies("cache: {}, key_auth: {}"),
      Found{"11:cache_before_access: `cache` stands before `key_auth` (line 11): what is stored is served "
            "to requests that `key_auth` would refuse"});
  EXPECT_EQ(found_in_policies("cache: {}, ip_filter: {deny: [192.0.2.0/24]}").size(), 1u);
  EXPECT_EQ(found_in_policies("key_auth: {}, cache: {}"), Found{});
  EXPECT_EQ(found_in_policies("cache: {}, rate_limit: {limit: 1/s}"), Found{});
  EXPECT_EQ(found_in_policies("cache: {when: path under /public}, key_auth: {}"), Found{});
}

TEST(Warnings, UnknownCaller) {
  EXPECT_EQ(
      found_in_policies("quota: {limit: 3}"),
      Found{"11:unknown_caller: `quota` refuses every request here: no policy before it authenticates"});
  EXPECT_EQ(found_in_policies("usage_plan: {}").size(), 1u);
  EXPECT_EQ(found_in_policies("acl: {rules: [{allow: group = staff}]}, key_auth: {}"),
            Found{"11:unknown_caller: `group` of `acl` never has a value here: no policy before it "
                  "authenticates"});
  EXPECT_EQ(found_in_policies("rate_limit: {limit: 1/s, key: '{claim.sub}'}").size(), 1u);
  EXPECT_EQ(
      found_in_policies("key_auth: {}, rate_limit: {limit: 1/s, key: '{claim.sub}'}"),
      Found{"11:unknown_caller: `claim.sub` of `rate_limit` never has a value here: no policy before it "
            "reads a token (`jwt`, `oauth2_introspection`)"});
  EXPECT_EQ(found_in_policies("headers: {request: {set: {x-user: '{consumer.name}'}}}").size(), 1u);
  EXPECT_EQ(found_in_policies("cache: {key: '{consumer.name}'}").size(), 1u);
  EXPECT_EQ(found_in_policies("key_auth: {}, quota: {limit: 3}, acl: {rules: [{allow: group = staff}]}"),
            Found{});
  const std::string secret = "secret: 0123456789abcdef0123456789abcdef, audience: '*'";
  EXPECT_EQ(found_in_policies("jwt: {" + secret +
                              ", require: claim.role = admin}, rate_limit: {limit: 1/s, "
                              "key: '{claim.sub}'}"),
            Found{});
  // The response has its turn when all is known; a key by consumer falls back to the address.
  EXPECT_EQ(found_in_policies("headers: {response: {set: {x-user: '{consumer.name}'}}}, rate_limit: {limit: "
                              "1/s}, key_auth: {}"),
            Found{});
  EXPECT_EQ(
      found(kTop + std::string("policies: [acl: {rules: [{allow: group = staff}]}]\nroutes:\n  - {name: "
                               "r, match: {path: /r}, policies: [key_auth: {}], upstream: app}\n"))
          .size(),
      1u);
  EXPECT_EQ(found_in_routes("  - {name: r, match: {path: /r}, split: [{upstream: app, when: group = staff}, "
                            "{upstream: other}]}\n"),
            Found{"11:unknown_caller: `group` never has a value here: no policy of route `r` authenticates"});
}

TEST(Warnings, UnknownGroupsAndConsumers) {
  EXPECT_EQ(found_in_policies("key_auth: {}, acl: {rules: [{allow: group = staf}]}"),
            Found{"11:unknown_group: no consumer is in the group `staf` - did you mean `staff`?"});
  EXPECT_EQ(found_in_policies("key_auth: {}, acl: {rules: [{deny: 'not consumer in [client-a, nobody]'}]}"),
            Found{"11:unknown_consumer: there is no consumer `nobody`"});
  EXPECT_EQ(found_in_policies("key_auth: {}, fault: {abort: {status: 503}, when: consumer = nobody}").size(),
            1u);
  EXPECT_EQ(found_in_policies("key_auth: {}, acl: {rules: [{allow: group = staff}, {allow: group exists}]}"),
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

TEST(Warnings, ForeignPatterns) {
  const auto warned = [](const std::string& match) {
    return found_in_routes("  - {name: r, match: {" + match + "}, upstream: app}\n");
  };
  EXPECT_EQ(
      warned("path: '/users/*'"),
      Found{"11:foreign_pattern: in `path` of route `r`, `*` matches only itself here: `path_prefix` takes "
            "everything below a path, and `{name}` any one segment"});
  EXPECT_EQ(
      warned("path: '/users/:id'"),
      Found{"11:foreign_pattern: in `path` of route `r`, `:id` matches only itself here: any one segment "
            "is written `{id}` in `path`"});
  for (const char* match :
       {"path_prefix: '/users/*'", "path_prefix: '/users/:id'", "path: '/img*'", "path: '/users/[0-9]+'",
        "path: '/users/{id:[0-9]+}'", "path: '/users/%3Cid%3E/.*'", "path: '/{proxy+}'"})
    EXPECT_EQ(warned(match).size(), 1u) << match;
  for (const char* match :
       {"path: '/users/{id}'", "path: '/v1/orders:cancel'", "path_prefix: /users", "path: /a.b"})
    EXPECT_EQ(warned(match), Found{}) << match;
  EXPECT_EQ(
      found_in_routes("  - {name: r, match: {path_regex: '/a/(.*)'}, rewrite: {path: '/b/$1'}, upstream: "
                      "app}\n")
          .size(),
      1u);
}

TEST(Warnings, RefusedPaths) {
  const std::string route = "  - {name: r, match: {path_prefix: '/a;b'}, upstream: app}\n";
  EXPECT_EQ(found_in_routes(route),
            Found{"11:refused_path: route `r` never matches: every listener refuses `/a;b` (its "
                  "`ambiguous_paths` lets such paths pass)"});
  EXPECT_EQ(found("version: 1\nlisteners:\n  - {name: a, address: '127.0.0.1:1'}\n  - {name: b, address: "
                  "'127.0.0.1:2', ambiguous_paths: pass_parameters}\nupstreams: [{name: app, targets: "
                  "[{address: '127.0.0.1:3'}]}]\nroutes:\n" +
                  route),
            Found{});
  EXPECT_EQ(found_in_routes("  - {name: r, match: {path: '/a%2Fb'}, upstream: app}\n").size(), 1u);
  EXPECT_EQ(found_in_routes("  - {name: r, match: {path: '/caf%C3%A9'}, upstream: app}\n"), Found{});
}

TEST(Warnings, GrpcWithoutHttp2) {
  EXPECT_EQ(
      found_in_policies("grpc_web: {}"),
      Found{"11:grpc_without_http2: `grpc_web` makes gRPC calls, and upstream `app` speaks HTTP/1.1: gRPC "
            "services take HTTP/2 (`protocol: http2`)"});
  EXPECT_EQ(found_in_policies("grpc_web: {}", "rpc"), Found{});
}

TEST(Warnings, UndercutRoutes) {
  const std::string open = "  - {name: all, match: {path_prefix: /}, upstream: app}\n";
  const auto guarded = [](const std::string& match) {
    return "  - {name: admin, match: {" + match + "}, policies: [key_auth: {}], upstream: app}\n";
  };
  // By default no other spelling of a prefix passes.
  EXPECT_EQ(found_in_routes(guarded("path_prefix: /admin") + open), Found{});
  EXPECT_EQ(
      found_in_routes(guarded("path: /admin") + open),
      Found{"11:undercut_route: route `admin` authenticates, but `/admin/`, which many servers take for the "
            "same, reaches its upstream by the open route `all` (line 12)"});
  EXPECT_EQ(found_in_routes(guarded("path: '/admin/{id}'") + open).size(), 1u);
  EXPECT_EQ(
      found_in_routes(guarded("path_prefix: /admin, hosts: [a.example]") + open),
      Found{"11:undercut_route: route `admin` authenticates, but `/admin` with another `Host` reaches its "
            "upstream by the open route `all` (line 12)"});
  EXPECT_EQ(found_in_routes(guarded("path: /admin") + guarded("path_prefix: /").replace(11, 5, "every")),
            Found{});
  EXPECT_EQ(found_in_routes(guarded("path: /admin") +
                            "  - {name: all, match: {path_prefix: /}, upstream: other}\n"),
            Found{});
  const auto with_listener = [&](const std::string& settings) {
    return found("version: 1\nlisteners: [{name: a, address: '127.0.0.1:1', " + settings +
                 "}]\nupstreams: [{name: app, targets: [{address: '127.0.0.1:3'}]}]\nroutes:\n" +
                 guarded("path_prefix: /admin") + open);
  };
  EXPECT_EQ(
      with_listener("merge_slashes: false"),
      Found{"5:undercut_route: route `admin` authenticates, but `//admin` (a listener has `merge_slashes: "
            "false`) reaches its upstream by the open route `all` (line 6)"});
  EXPECT_EQ(with_listener("ambiguous_paths: pass_parameters").size(), 1u);
  EXPECT_EQ(with_listener("ambiguous_paths: pass").size(), 1u);
  EXPECT_EQ(with_listener("ambiguous_paths: refuse"), Found{});
}

TEST(Warnings, UnreachableRoutes) {
  const std::string route = "match: {path: /r}, upstream: app}\n";
  EXPECT_EQ(found_in_routes("  - {name: a, " + route + "  - {name: b, " + route),
            Found{"12:unreachable_route: route `b` can never match: `a` (line 11) takes its requests"});
}

}  // namespace
}  // namespace portcullis::control
