#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <tuple>

#include "http/path.h"
#include "routing/route_table.h"

namespace portcullis {
namespace {

using routing::MatchOutcome;
using routing::MatchResult;
using routing::RouteRule;
using routing::RouteTable;

std::vector<std::string> segments_of(const std::string& path) {
  std::vector<std::string> out;
  for (size_t at = 1; at <= path.size();) {
    size_t end = std::min(path.find('/', at), path.size());
    out.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

// The documented precedence, spelt out: sort every rule that matches, take the first.
MatchResult naive_match(const std::vector<RouteRule>& rules, const std::string& host, const std::string& path,
                        const std::string& method) {
  using Key = std::tuple<int, int, int, std::vector<int>, int, bool, uint32_t>;
  std::optional<Key> best;
  bool path_matched = false;
  for (uint32_t i = 0; i < rules.size(); ++i) {
    const RouteRule& rule = rules[i];
    Key key;
    auto& [host_class, host_length, path_class, parameters, prefix_length, any_method, order] = key;
    order = i;
    any_method = rule.methods.empty();
    host_class = 3;
    host_length = 0;
    if (rule.hosts.empty()) host_class = 2;
    for (const std::string& pattern : rule.hosts) {
      if (pattern == host) host_class = 0;
      const std::string suffix = pattern.substr(std::min<size_t>(1, pattern.size()));
      if (pattern.starts_with("*.") && host.size() > suffix.size() && host.ends_with(suffix) &&
          host_class > 1) {
        host_class = 1;
        host_length = -static_cast<int>(suffix.size());
      }
    }
    if (host_class == 3) continue;
    if (!rule.path.empty()) {
      const auto expected = segments_of(rule.path);
      const auto given = segments_of(path);
      if (expected.size() != given.size()) continue;
      bool matches = true;
      path_class = 0;
      for (size_t s = 0; s < expected.size(); ++s) {
        const bool parameter = expected[s].size() > 2 && expected[s].front() == '{';
        parameters.push_back(parameter);
        if (parameter) path_class = 1;
        if (parameter ? given[s].empty() : expected[s] != given[s]) matches = false;
      }
      if (!matches) continue;
      if (path_class == 0) parameters.clear();
    } else {
      path_class = 2;
      std::string prefix = rule.prefix;
      if (prefix.ends_with('/')) prefix.pop_back();
      if (path != prefix && !path.starts_with(prefix + "/")) continue;
      prefix_length = -static_cast<int>(prefix.size());
    }
    path_matched = true;
    if (!any_method && std::find(rule.methods.begin(), rule.methods.end(), method) == rule.methods.end())
      continue;
    if (!best || key < *best) best = key;
  }
  if (best) return {MatchOutcome::kMatched, std::get<6>(*best)};
  return {path_matched ? MatchOutcome::kMethodNotAllowed : MatchOutcome::kNoRoute, 0};
}

TEST(RouteTable, AgreesWithANaiveMatcherOnRandomTables) {
  std::mt19937 random(3);
  const auto one_of = [&](const std::vector<std::string>& from) { return from[random() % from.size()]; };
  const std::vector<std::string> words{"a", "b", "c", "v1"};
  const std::vector<std::string> hosts{"x.example.com", "example.com", "y.x.example.com", "other.org"};
  const auto path = [&](bool parameters) {
    std::string out;
    for (size_t n = 1 + random() % 4; n > 0; --n)
      out += "/" + (parameters && random() % 3 == 0 ? "{p}" : one_of(words));
    if (random() % 12 == 0) out += "/";
    return out;
  };
  for (int table = 0; table < 400; ++table) {
    std::vector<RouteRule> rules(1 + random() % 30);
    for (RouteRule& rule : rules) {
      if (random() % 3 == 0)
        rule.hosts = {one_of({"x.example.com", "*.example.com", "*.x.example.com", "example.com"})};
      switch (random() % 4) {
        case 0: rule.path = path(false); break;
        case 1: rule.path = path(true); break;
        case 2: rule.prefix = path(false); break;
        default: rule.prefix = random() % 4 == 0 ? "" : "/" + one_of(words); break;
      }
      if (random() % 3 == 0) rule.methods = {one_of({"GET", "POST", "PURGE"})};
    }
    const RouteTable compiled(rules);
    for (int request = 0; request < 100; ++request) {
      const std::string host = one_of(hosts), target = random() % 20 == 0 ? "/" : path(false);
      const std::string method = one_of({"GET", "POST", "PUT", "PURGE", "REPORT"});
      const MatchResult expected = naive_match(rules, host, target, method);
      const MatchResult given = compiled.match(host, target, method);
      ASSERT_EQ(given.outcome, expected.outcome) << host << " " << method << " " << target;
      ASSERT_EQ(given.route, expected.route) << host << " " << method << " " << target;
    }
  }
}

TEST(RouteTable, DeepPathsMatchPrefixesOnly) {
  const RouteTable table({{{}, "", "/a", {}}, {{}, "/a/b", "", {}}});
  std::string deep = "/a";
  for (int i = 0; i < 500; ++i) deep += "/b";
  const MatchResult result = table.match("h", deep, "GET");
  EXPECT_EQ(result.outcome, MatchOutcome::kMatched);
  EXPECT_EQ(result.route, 0u);
}

TEST(RouteTable, NamesTheMethodsThatAPathAdmits) {
  const RouteTable table({{{}, "/a", "", {"POST", "GET"}}, {{}, "", "/", {"DELETE"}}});
  EXPECT_EQ(table.match("h", "/a", "PUT").outcome, MatchOutcome::kMethodNotAllowed);
  EXPECT_EQ(table.allowed_methods("h", "/a"), (std::vector<std::string>{"DELETE", "GET", "POST"}));
}

std::string canonical(std::string_view path) {
  Arena arena;
  const auto out = http::canonical_path(path, arena);
  return out ? std::string(*out) : "refused";
}

TEST(CanonicalPath, NormalisesWhatIsHarmlessAndRefusesWhatIsAmbiguous) {
  EXPECT_EQ(canonical("/a/b"), "/a/b");
  EXPECT_EQ(canonical("/%61/%7Eb"), "/a/~b");
  EXPECT_EQ(canonical("/a%20b%c3%a9"), "/a%20b%C3%A9");
  EXPECT_EQ(canonical("/a/./b/../c"), "/a/c");
  EXPECT_EQ(canonical("/a/%2e%2E/b"), "/b");
  EXPECT_EQ(canonical("/a/.."), "/");
  EXPECT_EQ(canonical("/a/."), "/a/");
  EXPECT_EQ(canonical("/.hidden"), "/.hidden");
  EXPECT_EQ(canonical("/a//b"), "/a//b");
  for (const char* hostile : {"/..", "/a/../..", "/%2e%2e/", "/a%2fb", "/a%2Fb", "/a%5cb", "/a%00", "/%",
                              "/%4", "/%zz", "/%c0%af", "/%c1%9c"}) {
    EXPECT_EQ(canonical(hostile), "refused") << hostile;
  }
}

}  // namespace
}  // namespace portcullis
