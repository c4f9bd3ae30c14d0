#include <gtest/gtest.h>

#include <cstdlib>

#include "config/loader.h"
#include "policy/registry.h"

namespace portcullis::config {
namespace {

std::string problems_of(std::string_view text) {
  Diagnostics diagnostics;
  const auto config = load_text(text, "c.yaml", policy::catalog(), diagnostics);
  EXPECT_EQ(config.has_value(), !diagnostics.has_errors());
  std::string out;
  for (const Diagnostic& diagnostic : diagnostics.sorted()) out += diagnostic.to_string() + "\n";
  return out;
}

constexpr std::string_view kGood = R"(version: 1
listeners: [{name: a, address: "127.0.0.1:80", timeouts: {idle: 5s}, limits: {head_size: 16KiB}}]
upstreams: [{name: u, balance: least_request, targets: [{address: "127.0.0.1:81", weight: 3}]}]
routes: [{name: r, match: {path: /x}, upstream: u}]
)";

TEST(Loader, FillsInTheModel) {
  Diagnostics diagnostics;
  const auto config = load_text(kGood, "c.yaml", policy::catalog(), diagnostics);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->listeners[0].timeouts.idle, milliseconds(5000));
  EXPECT_EQ(config->listeners[0].limits.head_size, 16384u);
  EXPECT_EQ(config->upstreams[0].balance, Balance::kLeastRequest);
  EXPECT_EQ(config->upstreams[0].targets[0].weight, 3u);
}

TEST(Loader, BoundsConnectionsWhereNothingIsSaidOfThem) {
  Diagnostics diagnostics;
  const auto config = load_text(kGood, "c.yaml", policy::catalog(), diagnostics);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->listeners[0].limits.connections, 100'000u);
  EXPECT_EQ(config->listeners[0].limits.connections_per_address, 1024u);
}

TEST(Loader, NamesEveryMistakeWithItsPlaceAndASuggestion) {
  EXPECT_EQ(problems_of(R"(version: 1
listners: []
listeners:
  - name: a
    address: localhost
    timeouts: {idel: 5s, head: 5}
upstreams:
  - {name: orders, targets: [{address: "127.0.0.1:1", weight: 0}]}
routes:
  - name: r
    match: {path: x}
    upstream: oders
)"),
            "c.yaml:2:1: error: unknown key `listners` in configuration - did you mean `listeners`?\n"
            "c.yaml:5:14: error: \"localhost\" is not an address: the port is missing (host:port)\n"
            "c.yaml:6:16: error: unknown key `idel` in timeouts - did you mean `idle`?\n"
            "c.yaml:6:32: error: `5` is not a duration such as 250ms, 5s, 1m or 1h - did you mean `5s`?\n"
            "c.yaml:8:63: error: `0` is not a whole number from 1 to 1000\n"
            "c.yaml:11:19: error: `x` is not a path: it must start with `/`\n"
            "c.yaml:12:15: error: there is no upstream `oders` - did you mean `orders`?\n");
}

TEST(Loader, RefusesPatternsThatCanNeverMatch) {
  const auto problems = [](const std::string& match) {
    return problems_of("version: 1\nlisteners: []\nroutes: [{name: r, match: {" + match +
                       "}, policies: [{respond: {}}]}]\n");
  };
  const auto names = [&](const std::string& match, const std::string& text) {
    EXPECT_NE(problems(match).find(text), std::string::npos) << match << ": " << problems(match);
  };
  names("path: /a/../b", "never matches, because paths are normalised first: write `/b`");
  names("path: \"/a|b/{id}\"", "never matches, because paths are normalised first: write `/a%7Cb/{id}`");
  names("path_prefix: /caf\xc3\xa9", "never matches, because paths are normalised first: write `/caf%C3%A9`");
  names("path_prefix: /%61", "write `/a`");
  names("path: \"/a?b\"", "a path must not contain `?`");
  names("path: \"/x{id}\"", "a parameter is a whole segment");
  names("path: \"/{id}/{id}\"", "names `{id}` twice");
  names("path_prefix: \"/{id}\"", "parameters in braces are only possible in `path`");
  names("path_regex: \"/(\"", "is not a valid regular expression: missing )");
  names("path: /a, path_regex: /a", "more than one of `path`, `path_prefix` and `path_regex`");
  names("headers: {x: {regexp: a}}", "unknown condition `regexp` - did you mean `regex`?");
  names("headers: {\"x y\": a}", "`x y` is not a header's name");
  names("headers: {x: [a]}", "expected a value, `{regex: ...}` or `{present: true}`");
  EXPECT_EQ(problems("path: \"/a/{id}\", headers: {x: 1, y: {present: false}}, query: {q: {regex: a.*}}"),
            "");
}

TEST(Loader, RefusesBrokenYaml) {
  EXPECT_NE(problems_of("version: 1\nlisteners: [").find("c.yaml:"), std::string::npos);
  EXPECT_NE(problems_of("version: 1\nversion: 1\n").find("c.yaml:2:1: error: `version` is given twice"),
            std::string::npos);
  EXPECT_NE(problems_of("a: &x [*x]").find("no anchor"), std::string::npos);
  EXPECT_NE(problems_of(std::string(500, '[')).find("nested too deeply"), std::string::npos);
  EXPECT_NE(problems_of("").find("the file is empty"), std::string::npos);
}

TEST(Loader, NamesMistakesInPolicies) {
  EXPECT_EQ(problems_of(R"(version: 1
listeners: []
policies:
  - corse: {}
  - ip_filter: {allow: [10.0.0.1/8, "x"], denny: []}
routes:
  - name: r
    match: {path: /x}
    policies:
      - headers: {request: {set: {content-length: "1", x-a: "{request.metod}", "x b": "{"}}}
      - redirect: {status: 300}
      - cors: {origins: [app.example.com]}
  - name: s
    match: {path: /y}
)"),
            "c.yaml:4:5: error: there is no policy `corse` - did you mean `cors`?\n"
            "c.yaml:5:25: error: `10.0.0.1/8` has bits set beyond its prefix length\n"
            "c.yaml:5:37: error: `x` is not an address or a block such as 10.0.0.0/8\n"
            "c.yaml:5:43: error: unknown key `denny` in ip_filter - did you mean `deny`?\n"
            "c.yaml:10:35: error: `content-length` cannot be changed here: the gateway needs this field to "
            "delimit or route the message\n"
            "c.yaml:10:61: error: there is no variable `request.metod` - did you mean `request.method`?\n"
            "c.yaml:10:80: error: `x b` is not a header's name\n"
            "c.yaml:10:87: error: `{` without `}`; write `{{` for a brace\n"
            "c.yaml:11:19: error: redirect needs `to`\n"
            "c.yaml:11:28: error: `300` is not one of 301, 302, 303, 307, 308 - did you mean `301`?\n"
            "c.yaml:12:26: error: `app.example.com` is not an origin: write https://app.example.com, "
            "https://*.example.com or *\n"
            "c.yaml:13:5: error: route needs `upstream`, `split`, or a policy that answers (`example`, "
            "`redirect`, `respond`)\n");  // `example`: of example_policy_test.cpp
}

TEST(Loader, ExpandsTheEnvironment) {
  ::setenv("PORTCULLIS_TEST_PORT", "8123", 1);
  Diagnostics diagnostics;
  const auto config =
      load_text("version: 1\nlisteners: [{name: a, address: \"127.0.0.1:${PORTCULLIS_TEST_PORT}\"}]\n",
                "c.yaml", policy::catalog(), diagnostics);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->listeners[0].address, "127.0.0.1:8123");
  EXPECT_NE(problems_of("version: ${PORTCULLIS_NOT_SET}").find("PORTCULLIS_NOT_SET is not set"),
            std::string::npos);
}

}  // namespace
}  // namespace portcullis::config
