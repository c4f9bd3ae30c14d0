// The loader's messages about mistakes that are hard to see.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "config/loader.h"
#include "policy/registry.h"

namespace portcullis::config {
namespace {

std::string told(std::string_view text) {
  Diagnostics diagnostics;
  (void)load_text(text, "c.yaml", policy::catalog(), diagnostics);
  std::string out;
  for (const Diagnostic& diagnostic : diagnostics.sorted()) out += diagnostic.to_string() + "\n";
  return out;
}

// A configuration whose only policy sets `x-v` to the given YAML text.
std::string with_value(const std::string& value) {
  return "version: 1\nlisteners: []\nroutes: [{name: a, match: {path: /}, policies: [headers: {request: "
         "{set: "
         "{x-v: " +
         value + "}}}, respond: {}]}]\n";
}

// The value of `x-v` as it was loaded, a text with variables.
std::string loaded_value(const std::string& value) {
  Diagnostics diagnostics;
  PolicyCatalog catalog = policy::catalog();
  const auto config =
      load_text("version: 1\nlisteners: []\nconsumers: [{name: a, metadata: {v: " + value + "}}]\n", "c.yaml",
                catalog, diagnostics);
  return config ? config->consumers[0].metadata.at(0).second : diagnostics.sorted().at(0).to_string();
}

TEST(Variables, InFlowNeedQuotes) {
  EXPECT_EQ(
      told(with_value("${V}")),
      "c.yaml:3:80: error: `${...}` within { } or [ ] must stand in quotes, as in \"${NAME}\": without them "
      "YAML takes its brace for the beginning of a mapping\n");
  EXPECT_NE(told("version: 1\nzone: a\nlisteners: [a, pre-${V}]").find("must stand in quotes"),
            std::string::npos);
}

TEST(Variables, HaveDefaultsAndAnEscape) {
  ::unsetenv("PORTCULLIS_TEST_V");
  EXPECT_EQ(loaded_value("'${PORTCULLIS_TEST_V:-d}'"), "d");
  EXPECT_EQ(loaded_value("'a${PORTCULLIS_TEST_V:-}b'"), "ab");
  EXPECT_EQ(loaded_value("'${PORTCULLIS_TEST_V:-x${PORTCULLIS_TEST_W:-y}z}'"), "xyz");
  EXPECT_EQ(loaded_value("'$${PORTCULLIS_TEST_V}'"), "${PORTCULLIS_TEST_V}");
  EXPECT_EQ(loaded_value("'$$${PORTCULLIS_TEST_V}$$'"), "$${PORTCULLIS_TEST_V}$$");
  ::setenv("PORTCULLIS_TEST_V", "set", 1);
  EXPECT_EQ(loaded_value("'${PORTCULLIS_TEST_V:-d}'"), "set");
  ::setenv("PORTCULLIS_TEST_V", "", 1);
  EXPECT_EQ(loaded_value("'${PORTCULLIS_TEST_V:-d}'"), "d");
  // A value from a variable is not expanded again.
  ::setenv("PORTCULLIS_TEST_V", "${HOME}", 1);
  EXPECT_EQ(loaded_value("'${PORTCULLIS_TEST_V}'"), "${HOME}");
  ::unsetenv("PORTCULLIS_TEST_V");
}

TEST(Variables, ThatAreMissingAreToldOnceEach) {
  EXPECT_EQ(told(with_value("'${PC_ONE} ${PC_TWO} ${PC_ONE}'")),
            "c.yaml:3:80: error: the environment variable PC_ONE is not set\n"
            "c.yaml:3:80: error: the environment variable PC_TWO is not set\n");
  EXPECT_EQ(
      told("version: 1\nlisteners: [{name: '${PC_ONE}', address: '${PC_ONE}'}]\nworkers: '${PC_TWO}'\n"),
      "c.yaml:2:20: error: the environment variable PC_ONE is not set\n"
      "c.yaml:3:10: error: the environment variable PC_TWO is not set\n");
  EXPECT_NE(told(with_value("'${PC_ONE-d}'")).find("a default is written `${NAME:-TEXT}`"),
            std::string::npos);
}

TEST(Variables, AreTextWhereBracesMeanSomething) {
  ::setenv("PORTCULLIS_TEST_V", "a{b}c", 1);
  EXPECT_EQ(told(with_value("'${PORTCULLIS_TEST_V}{request.id}'")), "");
  EXPECT_EQ(
      told("version: 1\nlisteners: []\nroutes: [{name: a, match: {path: /}, policies: [rate_limit: {limit: "
           "1/s, key: '${PORTCULLIS_TEST_V}'}, redirect: {to: '/${PORTCULLIS_TEST_V}'}]}]\n"),
      "");
  ::unsetenv("PORTCULLIS_TEST_V");
}

TEST(Characters, AreNamedWithTheirPlace) {
  EXPECT_EQ(told("version: 1\n# caf\xE9\n"),
            "c.yaml:2:6: error: the byte 0xE9 here is not UTF-8: save the file as UTF-8\n");
  EXPECT_EQ(told(std::string_view("version: 1\n# \0\n", 15)),
            "c.yaml:2:3: error: there is a NUL byte here: a configuration is text\n");
  EXPECT_EQ(told("version: 1\nzone: \x07\n"),
            "c.yaml:2:7: error: the control character U+0007 is not allowed in YAML; in double quotes it is "
            "written \\u0007\n");
  EXPECT_EQ(told("version: 1\nlisteners:\n\t- name: a\n"),
            "c.yaml:3:1: error: a tab cannot indent in YAML: write spaces\n");
  EXPECT_EQ(told("version: 1\nlisteners:\n\xC2\xA0\xC2\xA0- name: a\n    address: b: c\n"),
            "c.yaml:3:1: error: this is a no-break space (U+00A0): write an ordinary space\n");
  EXPECT_NE(told("version: 1\nlisteners: []\n\xC2\xA0zone: a\n").find("no-break space (U+00A0)"),
            std::string::npos);
  EXPECT_EQ(told("version: 1\nlisteners: [{name: a, address: \xE2\x80\x9C"
                 "127.0.0.1:80\xE2\x80\x9D}]\n"),
            "c.yaml:2:32: error: \"\xE2\x80\x9C"
            "127.0.0.1:80\xE2\x80\x9D\" is not an address: the port must be 0 to "
            "65535; a typographic quote is not a quote in YAML (U+201C): write \" or '\n");
  EXPECT_EQ(told("version: 1\nzone: @a\n"),
            "c.yaml:2:7: error: a text that begins with `@` must stand in quotes in YAML\n");
  // In metadata, which is plain text, such values are valid.
  EXPECT_EQ(told("version: 1\nlisteners: []\nconsumers: [{name: a, metadata: {v: "
                 "\xE2\x80\x9Cquoted\xE2\x80\x9D}}]\n"),
            "");
}

TEST(Messages, SayWhatIsMeant) {
  EXPECT_EQ(told("version: 2\nlisteners: []\n"),
            "c.yaml:1:10: error: `2` is not a known version of the format: write `version: 1`\n");
  EXPECT_EQ(told(""), "c.yaml:1:1: error: the file is empty: a configuration begins with `version: 1`\n");
  EXPECT_EQ(told("# nothing\n"),
            "c.yaml:1:1: error: the file is empty: a configuration begins with `version: 1`\n");
  const auto address = [](const std::string& text) {
    return told("version: 1\nlisteners: [{name: a, address: '" + text + "'}]\n");
  };
  EXPECT_EQ(
      address("http://127.0.0.1:80"),
      "c.yaml:2:32: error: \"http://127.0.0.1:80\" is not an address: an address has no scheme and no path; "
      "write 127.0.0.1:80\n");
  EXPECT_NE(address("https://[::1]/x").find("write [::1]:443\n"), std::string::npos);
  EXPECT_EQ(
      told(with_value("z") + "zone: |\n  east\n"),
      "c.yaml:4:7: error: `east\n` is not a name: use letters, digits, '-', '_' and '.'; as a block the text "
      "ends with a line break: write `|-` or `>-`, which end without one\n");
  EXPECT_EQ(
      told("version: 1\nlisteners: [{name: a, address: '127.0.0.1:80', trusted_proxies: 10.0.0.0/8}]\n"),
      "c.yaml:2:65: error: expected a list of an address range: write [10.0.0.0/8]\n");
}

TEST(Messages, KnowTheWordsOfOtherProducts) {
  const auto says = [](const std::string& text, const std::string& hint) {
    EXPECT_NE(told(text).find(hint), std::string::npos) << text << told(text);
  };
  const auto route = [](const std::string& more) {
    return "version: 1\nlisteners: []\nroutes: [{name: a, match: {path: /}, " + more + "}]\n";
  };
  says(route("strip_path: true"),
       "unknown key `strip_path` in route - here it is `rewrite: {strip_prefix: ...}`");
  says(route("stripPath: true"), "here it is `rewrite: {strip_prefix: ...}`");
  says(route("proxy_pass: x"), "here it is `upstream` of the route");
  says(route("location: /"), "here it is `routes`, each with `match: {path_prefix: ...}`");
  says(route("middlewares: []"), "here it is `policies`");
  says("version: 1\nentryPoints: []\n", "here it is `listeners`");
  says("version: 1\nupstreams: [{name: u, servers: []}]\n", "here it is `targets`");
  for (const auto& [theirs, ours] : {std::pair{"jwt_auth", "`jwt`"},
                                     {"key-auth", "`key_auth`"},
                                     {"rate-limiting", "`rate_limit`"},
                                     {"ip_whitelist", "`ip_filter`"},
                                     {"ipAllowList", "`ip_filter`"},
                                     {"limit-count", "`rate_limit`"},
                                     {"proxy-rewrite", "`rewrite` of the route"},
                                     {"ext_authz", "`forward_auth`"}})
    says(route("policies: [" + std::string(theirs) + ": {}]"), std::string(ours));
  says("version: 1\nupstreams: [{name: u, balance: leastconn}]\n", "here it is `least_request`");
  // In other objects the same word may be a typing mistake.
  says(route("policies: [rate_limit: {limit: 1/s, ke: a}]"), "did you mean `key`?");
}

TEST(Keys, AreMerged) {
  const std::string text =
      "version: 1\nlisteners: []\n"
      "x-common: &common {balance: random, targets: [{address: '127.0.0.1:1'}]}\n"
      "x-other: &other {balance: maglev, slow_start: 5s}\n"
      "upstreams:\n"
      "  - {<<: *common, name: a}\n"
      "  - {<<: [*common, *other], name: b}\n"
      "  - {<<: *common, name: c, balance: peak_ewma}\n";
  Diagnostics diagnostics;
  const auto config = load_text(text, "c.yaml", policy::catalog(), diagnostics);
  ASSERT_TRUE(config) << told(text);
  EXPECT_EQ(config->upstreams[0].balance, Balance::kRandom);
  EXPECT_EQ(config->upstreams[1].balance, Balance::kRandom);
  EXPECT_EQ(config->upstreams[1].slow_start, milliseconds(5000));
  EXPECT_EQ(config->upstreams[2].balance, Balance::kPeakEwma);
  EXPECT_EQ(config->upstreams[2].targets.size(), 1u);
  EXPECT_NE(told("version: 1\nlisteners: []\nlimits: {<<: 3}\n").find("`<<` merges a mapping"),
            std::string::npos);
}

TEST(Keys, OfTheAuthorsOwnAreLeftAlone) {
  EXPECT_EQ(
      told(
          "version: 1\nx-note: '${PC_NOT_SET}'\nlisteners: [{name: a, address: '127.0.0.1:1', x-owner: "
          "{team: "
          "b}}]\nroutes: [{name: a, match: {path: /, x-a: 1}, policies: [{x-why: c, respond: {x-b: 2}}]}]\n"),
      "");
  // A header is not a claim.
  EXPECT_NE(told("version: 1\nlisteners: []\npolicies: [headers: {request: {set: {x-a: '{nothing}'}}}]\n")
                .find("there is no variable"),
            std::string::npos);
}

TEST(Folders, AreReadWithTheirSubFolders) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::path(testing::TempDir()) / "portcullis-folders";
  fs::remove_all(folder);
  const auto write = [&](const std::string& name, const std::string& text) {
    fs::create_directories((folder / name).parent_path());
    std::ofstream(folder / name) << text;
  };
  const auto route = [](const std::string& name) {
    return "x-about: " + name + "\nroutes: [{name: " + name + ", match: {path: /" + name +
           "}, policies: [respond: {}]}]\n";
  };
  write("main.yaml", "version: 1\nlisteners: []\n");
  write("a.yaml", route("a"));
  write("routes/z.yaml", route("z"));
  write("routes/deep/b.yml", route("b"));
  write("routes/notes.txt", "not this");
  write(".git/x.yaml", "not: this");
  const auto names = [&] {
    Sources sources;
    Reading reading = read_path(folder.string(), sources);
    const auto config = load(reading, policy::catalog());
    const Diagnostics& diagnostics = reading.diagnostics;
    std::string out = std::to_string(sources.files.size()) + ":";
    if (config) {
      for (const Route& one : config->routes) out += " " + one.name;
    }
    for (const Diagnostic& one : diagnostics.sorted()) out += "\n" + one.to_string();
    return out;
  };
  EXPECT_EQ(names(), "7: a b z");  // three folders and four files
  write("routes/broken.yaml", "routes: [");
  EXPECT_NE(names().find((folder / "routes/broken.yaml").string() + ":"), std::string::npos);
  fs::remove(folder / "routes/broken.yaml");
  fs::create_directory_symlink("..", folder / "routes/again");
  EXPECT_NE(names().find("nested too deeply"), std::string::npos);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace portcullis::config
