#include "control/warnings/warnings.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "control/load_config.h"

namespace portcullis::control {
namespace {

const std::string kKeyHash = "sha256:6ab9f1eb8f7d3388f4f9d586f66e99fd54080df2c446f0e58668b09c08a16dd0";

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

// The warnings about `text`, each as "line:check: message".
std::vector<std::string> found(const std::string& text) {
  config::Diagnostics diagnostics;
  const auto config = load_config_text(text, "c.yaml", diagnostics);
  std::vector<std::string> out;
  for (const config::Diagnostic& one : diagnostics.sorted()) {
    EXPECT_EQ(one.severity, config::Severity::kWarning) << one.to_string();
    out.push_back(std::to_string(one.location.line()) + ":" + one.check + ": " + one.message);
  }
  return out;
}

std::vector<std::string> found_in_routes(const std::string& routes) {
  return found(kTop + ("routes:\n" + routes));
}

// The warnings about one route with these policies.
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

TEST(Warnings, ForeignPatterns) {
  const auto warned = [](const std::string& match) {
    return found_in_routes("  - {name: r, match: {" + match + "}, upstream: app}\n");
  };
  EXPECT_EQ(
      warned("path: '/users/*'"),
      Found{
          "11:foreign_pattern: in `path` of route `r`, `*` has no special meaning here and matches only this "
          "text: `path_prefix` matches everything below a path, and `{name}` one segment with any text"});
  EXPECT_EQ(warned("path: '/users/:id'"),
            Found{"11:foreign_pattern: in `path` of route `r`, `:id` has no special meaning here and matches "
                  "only this text: one segment with any text is written `{id}` in `path`"});
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

TEST(Warnings, ForeignExpressions) {
  const auto warned = [](const std::string& expression) {
    return found_in_routes("  - {name: r, match: {path_regex: '" + expression + "'}, upstream: app}\n");
  };
  EXPECT_EQ(warned("~* \\.php$"),
            Found{"11:foreign_pattern: in `path_regex` of route `r`, `~` is a part of the expression, which "
                  "therefore matches no path: leave it out (`(?i)` ignores case)"});
  EXPECT_EQ(
      warned("^/api"),
      Found{"11:foreign_pattern: in `path_regex` of route `r`, the expression must match the whole path "
            "here: `.*` at its end takes what follows"});
  for (const char* good : {"^/api/.*", "^/api$", "/api/[0-9]+", "(?i)/api"})
    EXPECT_EQ(warned(good), Found{}) << good;
}

TEST(Warnings, ForeignVariables) {
  const auto warned = [](const std::string& text) {
    return found_in_policies("headers: {request: {set: {x-v: '" + text + "'}}}");
  };
  EXPECT_EQ(warned("$remote_addr"),
            Found{"11:foreign_pattern: `$remote_addr` has no special meaning and stays as it is: variables "
                  "of the request are written in braces, as `{client.address}`, and variables of the "
                  "environment as `${NAME}`"});
  for (const char* foreign : {"a $host b", "%REQ(x-user)%", "%HOME%", "/v/$1"})
    EXPECT_EQ(warned(foreign).size(), 1u) << foreign;
  for (const char* text : {"US$5", "$5.00", "100%", "a%2Fb%20c", "$", "$$ $-", "%A", "50% OF 100%"})
    EXPECT_EQ(warned(text), Found{}) << text;
  EXPECT_EQ(found_in_policies("redirect: {to: 'https://a.example$request_uri'}").size(), 1u);
  EXPECT_EQ(
      found_in_policies("rate_limit: {limit: 1/s, key: '{request.header.x-a}$binary_remote_addr'}").size(),
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
  // By default no other spelling of a prefix is accepted.
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
  EXPECT_EQ(found_in_routes(guarded("path_prefix: /admin/") + open), Found{});  // it takes `/admin` too
  EXPECT_EQ(
      found_in_routes(guarded("path_prefix: /admin, methods: [GET]") + open),
      Found{"11:undercut_route: route `admin` authenticates, but `POST /admin` reaches its upstream by the "
            "open route `all` (line 12)"});
  EXPECT_EQ(found_in_routes(guarded("path_prefix: /admin, methods: [POST, PUT, PATCH, DELETE]") + open),
            Found{});
  EXPECT_EQ(
      found_in_routes(guarded("path_prefix: /admin, headers: {x-version: '2'}") + open),
      Found{"11:undercut_route: route `admin` authenticates, but `/admin` without the header fields that its "
            "`match` asks for reaches its upstream by the open route `all` (line 12)"});
  EXPECT_EQ(found_in_routes(guarded("path_prefix: /admin, query: {a: '1'}") + open).size(), 1u);
  EXPECT_EQ(
      found_in_routes(guarded("path_prefix: /admin, hosts: [a.b.example]") +
                      "  - {name: all, match: {path_prefix: /, hosts: ['*.example']}, upstream: app}\n"),
      Found{"11:undercut_route: route `admin` authenticates, but `/admin` with another `Host` reaches its "
            "upstream by the open route `all` (line 12)"});
  const std::string stripped =
      "  - {name: site, match: {path_prefix: /site}, rewrite: {strip_prefix: /site}, upstream: app}\n";
  EXPECT_EQ(
      found_in_routes(guarded("path_prefix: /admin") + stripped),
      Found{
          "11:undercut_route: route `admin` authenticates, but `/site/admin`, from which `/site` is removed, "
          "reaches its upstream by the open route `site` (line 12)"});
  EXPECT_EQ(
      found_in_routes(guarded("path_prefix: /admin") + stripped +
                      "  - {name: other, match: {path_prefix: /site/admin}, rewrite: {strip_prefix: /site}, "
                      "policies: [key_auth: {}], upstream: app}\n"),
      Found{});
  EXPECT_EQ(found_in_routes(guarded("path: /admin") + guarded("path_prefix: /").replace(11, 5, "every")),
            Found{});
  EXPECT_EQ(found_in_routes(guarded("path: /admin") +
                            "  - {name: all, match: {path_prefix: /}, upstream: other}\n"),
            Found{});
  const auto with_listener = [&](const std::string& settings) {
    return found("version: 1\nlisteners: [{name: a, address: '127.0.0.1:1', " + settings +
                 "}]\nconsumers: [{name: a, credentials: {keys: '" + kKeyHash +
                 "'}}]\nupstreams: [{name: app, targets: [{address: '127.0.0.1:3'}]}]\nroutes:\n" +
                 guarded("path_prefix: /admin") + open);
  };
  EXPECT_EQ(
      with_listener("merge_slashes: false"),
      Found{"6:undercut_route: route `admin` authenticates, but `//admin` (a listener has `merge_slashes: "
            "false`) reaches its upstream by the open route `all` (line 7)"});
  EXPECT_EQ(with_listener("ambiguous_paths: pass_parameters").size(), 1u);
  EXPECT_EQ(with_listener("ambiguous_paths: pass").size(), 1u);
  EXPECT_EQ(with_listener("ambiguous_paths: refuse"), Found{});
}

TEST(Warnings, UnreachableRoutes) {
  const std::string route = "match: {path: /r}, upstream: app}\n";
  EXPECT_EQ(found_in_routes("  - {name: a, " + route + "  - {name: b, " + route),
            Found{"12:unreachable_route: route `b` can never match: `a` (line 11) takes its requests"});
  const auto by_expression = [](const std::string& expression) {
    return found_in_routes("  - {name: r, match: {path_regex: '" + expression + "'}, upstream: app}\n");
  };
  EXPECT_EQ(
      by_expression("\\.php$"),
      Found{"11:unreachable_route: route `r` can never match: its `path_regex` must match the whole path, "
            "which begins with `/`"});
  EXPECT_EQ(by_expression("api/.*").size(), 1u);
  for (const char* good : {".*\\.php", "/.*", "[^a]+", "(/a|b)", "(?i)/A"})
    EXPECT_EQ(by_expression(good), Found{}) << good;
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

TEST(Warnings, NothingServed) {
  EXPECT_EQ(found("version: 1\nlisteners: []\n"),
            Found{"1:nothing_served: there are no `listeners`: no client can connect"});
  const std::string listener = "version: 1\nlisteners: [{name: a, address: '127.0.0.1:1'}]\n";
  EXPECT_EQ(found(listener),
            Found{"1:nothing_served: there are no `routes`: every request is answered with 404"});
  EXPECT_EQ(found(listener + "policies: [respond: {}]\n"), Found{});
}

TEST(Warnings, OwnListeners) {
  const auto warned = [](const std::string& listener, const std::string& target) {
    return found("version: 1\nlisteners: [{name: a, address: '" + listener +
                 "'}]\nupstreams:\n  - {name: app, targets: [{address: '" + target +
                 "'}]}\nroutes: [{name: r, match: {path: /}, upstream: app}]\n");
  };
  EXPECT_EQ(
      warned("127.0.0.1:8080", "localhost:8080"),
      Found{"4:own_listener: target `localhost:8080` is the listener `a` of this gateway, which refuses "
            "requests that come back to it (508)"});
  EXPECT_EQ(warned("0.0.0.0:8080", "127.0.0.2:8080").size(), 1u);
  EXPECT_EQ(warned("unix:/run/a.sock", "unix:/run/a.sock").size(), 1u);
  EXPECT_EQ(warned("127.0.0.1:8080", "127.0.0.1:8081"), Found{});
  EXPECT_EQ(warned("127.0.0.1:8080", "127.0.0.2:8080"), Found{});
  EXPECT_EQ(warned("0.0.0.0:8080", "192.0.2.1:8080"), Found{});
  EXPECT_EQ(warned("0.0.0.0:8080", "app:8080"), Found{});
}

TEST(Warnings, RepeatedTargets) {
  const auto warned = [](const std::string& targets) {
    return found(
        "version: 1\nlisteners: [{name: a, address: '127.0.0.1:1'}]\nupstreams: [{name: app, targets: [" +
        targets + "]}]\nroutes: [{name: r, match: {path: /}, upstream: app}]\n");
  };
  EXPECT_EQ(
      warned("{address: 'a:1'}, {address: 'b:1'}, {address: 'a:1'}"),
      Found{
          "3:repeated_target: upstream `app` has the target `a:1` twice (line 3): for a larger share give it "
          "a `weight`"});
  EXPECT_EQ(warned("{address: 'a:1', metadata: {v: a}}, {address: 'a:1', metadata: {v: b}}"), Found{});
}

TEST(Warnings, TlsPortsWithoutTls) {
  const auto warned = [](const std::string& listener, const std::string& upstream) {
    return found("version: 1\nlisteners: [{name: a, address: '" + listener + "'}]\nupstreams: [{name: app, " +
                 upstream + "}]\nroutes: [{name: r, match: {path: /}, upstream: app}]\n");
  };
  EXPECT_EQ(warned("0.0.0.0:443", "targets: [{address: 'a:80'}]"),
            Found{"2:tls_port_without_tls: listener `a` has the port of HTTPS and no `tls`: clients that "
                  "speak TLS, as "
                  "browsers do there, get no answer"});
  EXPECT_EQ(warned("0.0.0.0:80", "targets: [{address: 'a.example:443'}]"),
            Found{"3:tls_port_without_tls: target `a.example:443` has the port of HTTPS, and upstream `app` "
                  "no `tls`: "
                  "give it `tls: {}`"});
  EXPECT_EQ(warned("0.0.0.0:80", "tls: {}, targets: [{address: 'a.example:443'}]"), Found{});
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

TEST(Warnings, UnusedRewrites) {
  const auto warned = [](const std::string& match, const std::string& prefix) {
    return found_in_routes("  - {name: r, match: {" + match + "}, rewrite: {strip_prefix: " + prefix +
                           "}, upstream: app}\n");
  };
  EXPECT_EQ(
      warned("path_prefix: /api", "/apiv"),
      Found{
          "11:unused_rewrite: `strip_prefix` of route `r` has no effect: no path that the route takes begins "
          "with `/apiv`"});
  EXPECT_EQ(warned("path: /a/b", "/b").size(), 1u);
  EXPECT_EQ(warned("path: /a", "/a/b").size(), 1u);
  for (const auto& [match, prefix] : {std::pair{"path_prefix: /api", "/api"},
                                      {"path_prefix: /api", "/api/v1"},
                                      {"path_prefix: /api/v1", "/api"},
                                      {"path: /a/b", "/a"},
                                      {"path: '/{x}/b'", "/a"},
                                      {"hosts: [a.example]", "/a"}})
    EXPECT_EQ(warned(match, prefix), Found{}) << match << " " << prefix;
}

}  // namespace
}  // namespace portcullis::control
