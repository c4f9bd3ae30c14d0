// Warnings about routes: what they match, in which order, and what they change.
#include "found_warnings.h"

namespace portcullis::control {
namespace {

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
