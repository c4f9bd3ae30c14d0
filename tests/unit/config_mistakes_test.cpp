// The loader's messages about habits from other products and from YAML. One row for each, so that the texts
// can be compared.

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "config/loader.h"
#include "policy/registry.h"

namespace portcullis::config {
namespace {

std::string said_of(std::string_view text) {
  Diagnostics diagnostics;
  (void)load_text(text, "c", policy::catalog(), diagnostics);
  std::string out;
  for (const Diagnostic& one : diagnostics.sorted()) out += one.to_string() + "\n";
  return out;
}

// Expects one message: its position in the file, and its text.
void expect_said(std::string_view text, const std::string& line) {
  EXPECT_EQ(said_of(text), "c:" + line + "\n") << text;
}

const std::string kHead = "version: 1\nlisteners: []\n";  // two lines
const std::string kApp = "upstreams: [{name: app, targets: [{address: '127.0.0.1:1'}]}]\n";

TEST(YamlMistakes, NameWhatIsNotClosed) {
  expect_said(kHead + "zone: \"a\nworkers: 1\n", "3:7: error: the quotes that begin here are not closed");
  expect_said(kHead + "routes: [{name: a}\n", "3:9: error: the `[` here is not closed");
  expect_said(kHead + "routes: [{name: a #b}]\n",
              "3:10: error: the `{` here is not closed; ` #` begins a comment (line 3)");
  expect_said(kHead + "routes:\n  - {name: a, match: {path: /}\n  - {name: b}\n",
              "5:3: error: expected `,` or `}` here: the `{` of line 4, column 5 is not closed");
  expect_said("{\"version\": 1, // first\n \"listeners\": []}\n",
              "2:13: error: expected `,` or `}` here: the `{` of line 1, column 1 is not closed; a comment "
              "begins with "
              "`#` in YAML (line 1)");
}

TEST(YamlMistakes, NameWhatMustBeQuoted) {
  expect_said(kHead + "zone: *\n", "3:7: error: a text that begins with `*` must stand in quotes in YAML");
  expect_said(kHead + "routes: [{match: {hosts: [*.a.example]}}]\n",
              "3:27: error: a text that begins with `*` must stand in quotes in YAML");
  expect_said(kHead + "zone: *a\n",
              "3:7: error: the alias `*a` has no anchor `&a` before it; a text that begins with `*` "
              "must stand in quotes");
  expect_said(kHead + "zone: %a\n", "3:7: error: a text that begins with `%` must stand in quotes in YAML");
  expect_said(kHead + "zone: >= 3\n", "3:7: error: a text that begins with `>` must stand in quotes in YAML");
  expect_said(kHead + "zone: a: b\n", "3:7: error: a text with `: ` in it must stand in quotes");
  expect_said(kHead + "zone: \"\\d\"\n",
              "3:8: error: in double quotes a backslash begins an escape, and YAML does not know this one: "
              "write the "
              "text in single quotes, or `\\\\` for a backslash");
  expect_said(kHead + "zone: - a\n",
              "3:7: error: a list must begin on a line of its own, or stand in brackets as [a, b]");
}

TEST(YamlMistakes, NameTheIndentationThatFitsNothing) {
  expect_said(kHead + "routes:\n  - name: a\n   match: {}\n",
              "5:4: error: this line begins in column 4, and the `-` of the list that begins in line 4 "
              "stands in column "
              "3: lines of the same rank are indented alike");
  expect_said(
      kHead + "dns:\n    min_ttl: 1s\n  max_ttl: 2s\n",
      "5:3: error: this line begins in column 3, and the keys of the mapping that begins in line 1 stand in "
      "column 1: lines of the same rank are indented alike");
  expect_said(
      kHead + "routes:\n  - name: a\n     match: {}\n",
      "5:6: error: this line is indented further than the key before it, which has a value already (line 4, "
      "column 5): indent it like that key");
  expect_said(kHead + "routes:\n  - name:a\n    match: {}\n",
              "4:9: error: a colon that ends a key is followed by a space");
  expect_said(kHead + "zone\nworkers: 1\n",
              "3:1: error: this is neither a key, which ends with a colon and a space, nor an element of a "
              "list, which "
              "begins with `- `");
}

TEST(YamlMistakes, NameCharactersThatLookLikeOthers) {
  expect_said(kHead + "routes:\n  \xE2\x80\x93 name: a\n    match: {}\n",
              "4:3: error: this is an en dash (U+2013): write `-`");
  expect_said(kHead + "routes\xEF\xBC\x9A\n  - name: a\n",
              "3:7: error: this is a fullwidth colon (U+FF1A): write `:`");
  // A typographic quote in a comment is harmless.
  expect_said(kHead + "# the client\xE2\x80\x99s\nzone: a: b\n",
              "4:7: error: a text with `: ` in it must stand in quotes");
  expect_said(kHead + kApp + "routes: [{name: r, match: {}, upstream: \xD0\xB0pp}]\n",
              "4:41: error: there is no upstream `\xD0\xB0pp`; the `\xD0\xB0` in it is "
              "U+0430, and "
              "names have ASCII letters only");
}

TEST(YamlMistakes, NameTagsThatMeanNothing) {
  expect_said(kHead + "zone: !env ZONE\n",
              "3:7: error: the tag `!env` is not supported: a variable of the environment is written "
              "`${NAME}`, and the "
              "content of a file `${file:PATH}`; a text that begins with `!` must stand in quotes");
  EXPECT_NE(said_of(kHead + "zone: !!binary YQ==\n").find("the tag `!!binary` is not supported"),
            std::string::npos);
  EXPECT_NE(said_of(kHead + "routes: !list []\n").find("the tag `!list`"), std::string::npos);
  EXPECT_NE(said_of(kHead + "dns: !map {}\n").find("the tag `!map`"), std::string::npos);
  EXPECT_EQ(said_of(kHead + "zone: !!str a\nworkers: !!int 1\nroutes: !!seq []\ndns: !!map {}\n"), "");
}

TEST(Forms, SayWhatIsExpectedByAnExample) {
  expect_said(kHead + "upstreams: [{name: a, targets: ['127.0.0.1:1']}]\n",
              "3:33: error: expected target (keys and values), as {address: orders.internal:8080}");
  expect_said(kHead + "dns: 1\n",
              "3:6: error: expected dns (keys and values), as {servers: [0.0.0.0:8080]}, or {} for its "
              "defaults");
  expect_said("version: 1\nlisteners:\n  name: a\n  address: '127.0.0.1:1'\n",
              "3:3: error: expected a list of listener: each begins with `- `, also where there is only one");
  expect_said("version: 1\nlisteners:\n  a: {address: '127.0.0.1:1'}\n",
              "3:3: error: expected a list of listener: each begins with `- `, and its name is one of its "
              "keys, as `- "
              "name: a`");
  EXPECT_NE(said_of("hello\n").find("expected configuration (keys and values), as {version: 1, listeners: "),
            std::string::npos);
  ::setenv("PORTCULLIS_TEST_V", "10.0.0.0/8,192.168.0.0/16", 1);
  expect_said(
      "version: 1\nlisteners: [{name: a, address: '127.0.0.1:1', trusted_proxies: '${PORTCULLIS_TEST_V}'}]\n",
      "2:64: error: expected a list of an address range: a variable stands for one element, as "
      "[\"${NAME}\"]");
  ::unsetenv("PORTCULLIS_TEST_V");
}

TEST(Forms, OfPoliciesAreExplained) {
  const auto of = [](const std::string& policies) {
    std::string text = kHead + kApp + "routes:\n  - name: r\n    match: {}\n    upstream: app\n    policies:";
    return said_of(text + policies + "\n");
  };
  EXPECT_EQ(of(" [key_auth]"),
            "c:8:16: error: expected one policy: its name, a colon and its settings, as `key_auth: {}`\n");
  EXPECT_EQ(
      of(" [key-auth]"),
      "c:8:16: error: expected one policy: its name, a colon and its settings - did you mean `key_auth`?\n");
  EXPECT_EQ(of("\n      key_auth: {}"),
            "c:9:7: error: expected a list of policies: each begins with `- `, as `- key_auth: {...}`\n");
  EXPECT_EQ(
      of("\n      - key_auth: {}\n        compress: {}"),
      "c:10:9: error: `compress` is a second policy of this entry: each begins with a `- ` of its own\n");
  EXPECT_EQ(of("\n      - rate_limit:\n        limit: 1/s"),
            "c:10:9: error: `limit` stands beside `rate_limit`: to make it a setting of that policy, indent "
            "it further than the name of the policy\n");
  EXPECT_EQ(of("\n      - name: rate-limiting\n        config: {minute: 5}"),
            "c:9:9: error: a policy's name is the key of its settings, as `- key_auth: {...}`, and not a "
            "`name` beside "
            "them; `rate-limiting` - here it is `rate_limit`\n");
}

TEST(Forms, DoNotTellTheSameMistakeTwice) {
  // A key with an invalid value does not count as missing.
  expect_said(kHead + kApp + "routes: [{name: r, match: {}, upstream: [app]}]\n",
              "4:41: error: expected text");
  expect_said(kHead + kApp + "routes: [{name: r, match: {}, upstraem: app}]\n",
              "4:31: error: unknown key `upstraem` in route - did you mean `upstream`?");
  EXPECT_EQ(
      said_of(kHead + "upstreams: [{name: a, targets: {address: '127.0.0.1:1'}}]\n").find("has no targets"),
      std::string::npos);
}

TEST(Keys, ThatStandElsewhereAreTold) {
  const auto of_route = [](const std::string& key) {
    return said_of(kHead + kApp + "routes: [{name: r, match: {}, upstream: app, " + key + ": {}}]\n");
  };
  EXPECT_EQ(of_route("timeouts"),
            "c:4:46: error: unknown key `timeouts` in route; it belongs to `listeners[]` or `upstreams[]`\n");
  EXPECT_EQ(of_route("usage_plan"),
            "c:4:46: error: unknown key `usage_plan` in route; it is a policy, and stands in a list "
            "`policies`, as `- "
            "usage_plan: ...`\n");
  expect_said("version: 1\nlisteners: [{name: a, address: '127.0.0.1:1', body_size: 1KiB}]\n",
              "2:47: error: unknown key `body_size` in listener; it belongs to `listeners[].limits`");
  expect_said(
      kHead + kApp + "routes: [{name: r, match: {path: /, upstream: app}, policies: [respond: {}]}]\n",
      "4:37: error: unknown key `upstream` in match; it belongs to `routes[]`");
  EXPECT_EQ(of_route("retries"),
            "c:4:46: error: unknown key `retries` in route; it belongs to `upstreams[]`\n");
  // A word that has another meaning elsewhere is not used as a hint.
  expect_said(kHead + "upstreams: [{name: a, targets: [{address: 'a:1'}], hedge: {delay: 1s, uri: /x}}]\n",
              "3:71: error: unknown key `uri` in hedge; it takes `delay`, `attempts` and `budget`");
  // Without a better hint, the message lists the valid keys.
  expect_said(kHead + "policies: [respond: {code: 200}]\n",
              "3:22: error: unknown key `code` in respond; it takes `status`, `content_type` and `body`");
}

TEST(Values, AreSuggested) {
  const auto of = [](const std::string& setting) { return said_of(kHead + setting + "\n"); };
  for (const auto& [given, meant] : {std::pair{"30", "30s"},
                                     {"0.5s", "500ms"},
                                     {"1m30s", "90s"},
                                     {"7d", "168h"},
                                     {"5 sec", "5s"},
                                     {"2 Minutes", "2m"},
                                     {"1.5h", "90m"},
                                     {"100msec", "100ms"}})
    EXPECT_NE(
        of("drain_timeout: " + std::string(given)).find(" - did you mean `" + std::string(meant) + "`?"),
        std::string::npos)
        << given << of("drain_timeout: " + std::string(given));
  for (const char* given : {"soon", "-1s", "s", "1x", "1.2.3s"})
    EXPECT_EQ(of("drain_timeout: " + std::string(given)).find("did you mean"), std::string::npos) << given;
  for (const auto& [given, meant] : {std::pair{"10M", "10MiB"},
                                     {"1mb", "1MiB"},
                                     {"8k", "8KiB"},
                                     {"10 MiB", "10MiB"},
                                     {"512 bytes", "512"}})
    EXPECT_NE(of("limits: {memory: " + std::string(given) + "}")
                  .find(" - did you mean `" + std::string(meant) + "`?"),
              std::string::npos)
        << given;
  for (const auto& [given, meant] :
       {std::pair{"yes", "true"}, {"True", "true"}, {"On", "true"}, {"off", "false"}})
    EXPECT_NE(of("overload: {enabled: " + std::string(given) + "}")
                  .find(" - did you mean `" + std::string(meant) + "`?"),
              std::string::npos)
        << given;
  for (const auto& [given, meant] : {std::pair{"10r/s", "10/s"},
                                     {"10 / s", "10/s"},
                                     {"100", "100/min"},
                                     {"5 per second", "5/second"},
                                     {"100/Min", "100/min"},
                                     {"10/30sec", "10/30sec"}}) {
    const std::string said = of("policies: [rate_limit: {limit: " + std::string(given) + "}]");
    if (std::string_view(given) == meant) {
      EXPECT_EQ(said, "") << given;
    } else {
      EXPECT_NE(said.find(" - did you mean `" + std::string(meant) + "`?"), std::string::npos)
          << given << said;
    }
  }
  EXPECT_NE(of("workers: 1_0").find("did you mean `10`?"), std::string::npos);
  EXPECT_NE(of("tracing: {endpoint: 'http://a/', sample: 0.2}").find("did you mean `20%`?"),
            std::string::npos);
  EXPECT_EQ(of("workers: many").find("did you mean"), std::string::npos);
}

TEST(Addresses, SayWhatIsMissing) {
  const auto of = [](const std::string& address) {
    return said_of("version: 1\nlisteners: [{name: a, address: '" + address + "'}]\n");
  };
  const auto target = [](const std::string& address) {
    return said_of(kHead + "upstreams: [{name: a, targets: [{address: '" + address + "'}]}]\n");
  };
  EXPECT_EQ(of("8080"),
            "c:2:32: error: \"8080\" is not an address: the host is missing, as in 127.0.0.1:8080\n");
  EXPECT_EQ(of(":8080"),
            "c:2:32: error: \":8080\" is not an address: the host is missing, as in 127.0.0.1:8080\n");
  EXPECT_EQ(of("*:80"),
            "c:2:32: error: \"*\" is not an IP address: for all addresses write 0.0.0.0:80, or [::]:80\n");
  EXPECT_EQ(of("localhost:80"),
            "c:2:32: error: \"localhost\" is not an IP address: write 127.0.0.1:80 or [::1]:80\n");
  EXPECT_EQ(of("a.test:80"),
            "c:2:32: error: \"a.test\" is not an IP address: write an address, because this setting does not "
            "look names up\n");
  EXPECT_EQ(
      of("127.0.0.1:80/x"),
      "c:2:32: error: \"127.0.0.1:80/x\" is not an address: an address has no path; write 127.0.0.1:80\n");
  EXPECT_EQ(target("127.0.0.1:0"),
            "c:3:43: error: `127.0.0.1:0` is not an address to connect to: the port must be 1 to 65535\n");
  EXPECT_EQ(target("https://a.test/x"),
            "c:3:43: error: \"https://a.test/x\" is not an address: an address has no scheme and no path; "
            "write a.test:443, and add `tls: {}` to the upstream, so that the gateway speaks TLS with its "
            "targets\n");
}

TEST(Addresses, OfListenersAreTheirOwn) {
  expect_said(
      "version: 1\nlisteners:\n  - {name: a, address: '127.0.0.1:80'}\n  - {name: b, address: "
      "'127.0.0.1:80'}\n",
      "4:5: error: listener `b` has the address of listener `a` (line 3): give each of them an address of "
      "its own");
  expect_said("version: 1\nadmin: {address: '[::1]:80'}\nlisteners:\n  - {name: a, address: '[0:0::1]:80'}\n",
              "2:18: error: `admin` has the address of listener `a` (line 4): give each of them an address "
              "of its own");
  EXPECT_EQ(said_of("version: 1\nlisteners:\n  - {name: a, address: '127.0.0.1:0'}\n  - {name: b, address: "
                    "'127.0.0.1:0'}\n"),
            "");
  EXPECT_EQ(said_of("version: 1\nlisteners:\n  - {name: a, address: '0.0.0.0:80'}\n  - {name: b, address: "
                    "'127.0.0.1:80'}\n"),
            "");
}

TEST(Hosts, SayWhyTheyAreNone) {
  const auto of = [](const std::string& host) {
    return said_of(kHead + "routes: [{name: a, match: {hosts: ['" + host +
                   "']}, policies: [respond: {}]}]\n");
  };
  EXPECT_NE(of("a.example, b.example").find("is several hosts: each is an element of the list"),
            std::string::npos);
  EXPECT_NE(of(".a.example").find("write a.example, and *.a.example for the names below it"),
            std::string::npos);
  EXPECT_NE(of("~^www\\d+").find("hosts are not expressions"), std::string::npos);
  EXPECT_NE(of("m\xC3\xBCller.example").find("write it as clients send it, in ASCII"), std::string::npos);
  EXPECT_NE(of("a.example:80").find("without a port"), std::string::npos);
  EXPECT_NE(said_of(kHead + "routes: [{name: a, match: {path: '/u/<id>'}, policies: [respond: {}]}]\n")
                .find("one segment with any text is written `{name}` in `path`"),
            std::string::npos);
}

TEST(Numbers, ThatBeginWithZeroAreNotGuessedAt) {
  EXPECT_EQ(said_of(kHead + "workers: 010\n"),
            "c:3:10: error: `010` begins with 0, and some programs read such a number as octal: write it "
            "without the 0 - did you mean `10`?\n");
  EXPECT_EQ(said_of(kHead + "workers: 0\n"), "");
  EXPECT_NE(said_of(kHead + "limits: {memory: 0512}\n").find("octal"), std::string::npos);
}

TEST(Variables, ThatCannotBeAreExplained) {
  ::unsetenv("PORTCULLIS_TEST_V");
  const auto of = [](const std::string& text) { return said_of(kHead + "zone: '" + text + "'\n"); };
  const std::string forms =
      " names no environment variable: write `${NAME}`, `${NAME:-TEXT}` or `${file:PATH}`\n";
  for (const std::string wrong : {"${}", "${ PORTCULLIS_TEST_V }", "${env:PORTCULLIS_TEST_V}"})
    EXPECT_EQ(of(wrong), "c:3:7: error: `" + wrong + "`" + forms);
  EXPECT_NE(of("${PORTCULLIS_TEST_V:?must be set}").find("a default is written `${NAME:-TEXT}`"),
            std::string::npos);
  ::setenv("PORTCULLIS_TEST_V", "", 1);
  EXPECT_EQ(said_of(kHead + "workers: ${PORTCULLIS_TEST_V}\n"),
            "c:3:10: error: `` is not a whole number from 0 to 1024; the value of `${PORTCULLIS_TEST_V}` "
            "is empty\n");
  EXPECT_EQ(said_of(kHead + "consumers: [{name: a, metadata: {'${PORTCULLIS_TEST_V}': b}}]\n"),
            "c:3:34: error: `${PORTCULLIS_TEST_V}`: variables stand in values, not in keys\n");
  ::unsetenv("PORTCULLIS_TEST_V");
}

}  // namespace
}  // namespace portcullis::config
