#include <gtest/gtest.h>
#include <re2/re2.h>

#include <algorithm>
#include <random>
#include <tuple>

#include "http/path.h"
#include "route_rule.h"
#include "routing/explain.h"
#include "routing/rewrite.h"
#include "routing/route_table.h"

namespace portcullis {
namespace {

using routing::Match;
using routing::MatchOutcome;
using routing::MatchResult;
using routing::PathParameters;
using routing::PathRewrite;
using routing::Predicate;
using routing::Predicates;
using routing::RequestView;
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

// The documented precedence, implemented naively: sorts all matching rules and takes the first.
MatchResult naive_match(const std::vector<RouteRule>& rules, const RequestView& request) {
  const std::string host(request.host), path(request.path), method(request.method);
  using Key = std::tuple<int, int, int, std::vector<int>, int, int, uint32_t>;
  std::optional<Key> best;
  bool path_matched = false;
  for (uint32_t i = 0; i < rules.size(); ++i) {
    const RouteRule& rule = rules[i];
    const Match& match = *rule.match;
    Key key;
    auto& [host_class, host_length, path_class, parameters, prefix_length, predicates, order] = key;
    order = i;
    predicates = -static_cast<int>(!match.methods.empty() + !rule.listeners.empty() + match.headers.size() +
                                   match.query.size());
    if (!rule.listeners.empty() &&
        std::find(rule.listeners.begin(), rule.listeners.end(), request.listener) == rule.listeners.end())
      continue;
    host_class = 3;
    host_length = 0;
    if (match.hosts.empty()) host_class = 2;
    for (const std::string& pattern : match.hosts) {
      if (pattern == host) host_class = 0;
      const std::string suffix = pattern.substr(std::min<size_t>(1, pattern.size()));
      if (pattern.starts_with("*.") && host.size() > suffix.size() && host.ends_with(suffix) &&
          host_class > 1) {
        host_class = 1;
        host_length = -static_cast<int>(suffix.size());
      }
    }
    if (host_class == 3) continue;
    if (!match.path.empty()) {
      const auto expected = segments_of(match.path);
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
    } else if (!match.path_regex.empty()) {
      path_class = 3;
      if (!re2::RE2::FullMatch(path, match.path_regex)) continue;
    } else {
      std::string prefix = match.path_prefix;
      if (prefix.ends_with('/')) prefix.pop_back();
      path_class = prefix.empty() ? 4 : 2;
      if (path != prefix && !path.starts_with(prefix + "/")) continue;
      prefix_length = -static_cast<int>(prefix.size());
    }
    if (!std::all_of(match.headers.begin(), match.headers.end(),
                     [&](const Predicate& one) { return request.fields->value_of(one.name) == one.text; }))
      continue;
    if (!match.query.empty() && request.query != "q=1") continue;
    path_matched = true;
    if (!match.methods.empty() &&
        std::find(match.methods.begin(), match.methods.end(), method) == match.methods.end())
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
      Match match;
      if (random() % 3 == 0)
        match.hosts = {one_of({"x.example.com", "*.example.com", "*.x.example.com", "example.com"})};
      switch (random() % 5) {
        case 4: match.path_regex = one_of({"/[ab]+(/.*)?", "/v1/.*", ".*/c", "/a/(b|c)"}); break;
        case 0: match.path = path(false); break;
        case 1: match.path = path(true); break;
        case 2: match.path_prefix = path(false); break;
        default: match.path_prefix = random() % 4 == 0 ? "" : "/" + one_of(words); break;
      }
      if (random() % 3 == 0) match.methods = {one_of({"GET", "POST", "PURGE"})};
      if (random() % 4 == 0) match.headers.push_back({"x-one", Predicate::Kind::kEquals, one_of({"1", "2"})});
      if (random() % 8 == 0) match.headers.push_back({"x-two", Predicate::Kind::kEquals, "1"});
      if (random() % 8 == 0) match.query.push_back({"q", Predicate::Kind::kEquals, "1"});
      if (random() % 4 == 0) rule.listeners = {"10.0.0.1:80", one_of({"10.0.0.2:80", "10.0.0.3:80"})};
      rule.match = std::make_shared<const Match>(std::move(match));
    }
    const RouteTable compiled(rules);
    for (int request = 0; request < 100; ++request) {
      const std::string host = one_of(hosts), target = random() % 20 == 0 ? "/" : path(false);
      const std::string method = one_of({"GET", "POST", "PUT", "PURGE", "REPORT"});
      http::Fields fields;
      if (random() % 2 == 0) fields.add("X-One", random() % 2 == 0 ? "1" : "2");
      if (random() % 2 == 0) fields.add("x-two", "1");
      const std::string listener = one_of({"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"});
      const RequestView view{host, target, method, random() % 2 == 0 ? "q=1" : "p=1", &fields, listener};
      const MatchResult expected = naive_match(rules, view);
      const MatchResult given = compiled.match(view);
      ASSERT_EQ(given.outcome, expected.outcome) << host << " " << method << " " << target;
      ASSERT_EQ(given.route, expected.route) << host << " " << method << " " << target;
    }
  }
}

TEST(RouteTable, SaysWhyOneRuleComesBeforeAnother) {
  const auto why = [](Match one, Match two) {
    const RouteRule chosen = rule_of(std::move(one)), other = rule_of(std::move(two));
    const RequestView request{"a.example.com", "/v1/x", "GET"};
    // The table agrees for either order of the rules, unless only the order decides.
    const std::string reason = why_preferred(chosen, other, request.host);
    EXPECT_EQ(RouteTable({chosen, other}).match(request).route, 0u);
    if (reason != "comes first in the configuration") {
      EXPECT_EQ(RouteTable({other, chosen}).match(request).route, 1u);
    }
    return reason;
  };
  const Match prefix{{}, "", "/v1", {}}, any{{}, "", "/", {}};
  EXPECT_EQ(why({{"a.example.com"}, "", "/", {}}, {{"*.example.com"}, "/v1/x", "", {}}),
            "is for a more exact host");
  EXPECT_EQ(why({{"*.example.com"}, "", "/", {}}, {{}, "/v1/x", "", {}}), "is for a more exact host");
  EXPECT_EQ(why({{}, "/v1/x", "", {}}, {{}, "/v1/{id}", "", {}}), "is for a more exact path");
  EXPECT_EQ(why({{}, "/v1/{id}", "", {}}, {{}, "/{a}/{b}", "", {}}), "is for a more exact path");
  EXPECT_EQ(why({{}, "/{a}/{b}", "", {}}, prefix), "is for a more exact path");
  EXPECT_EQ(why(prefix, {{}, "", "", {}, "/v1/.*"}), "is for a more exact path");
  EXPECT_EQ(why({{}, "", "", {}, "/v1/.*"}, any), "is for a more exact path");
  EXPECT_EQ(why({{}, "", "/v1/x", {}}, prefix), "is for a longer prefix");
  EXPECT_EQ(why({{}, "", "/v1", {"GET"}}, prefix), "has more conditions");
  EXPECT_EQ(why(prefix, prefix), "comes first in the configuration");
}

TEST(RouteTable, AMethodOfARouteOnAnotherListenerIsNotAllowedHere) {
  const RouteTable table({rule_of({{}, "", "/admin", {"POST"}}, {"10.0.0.1:80"})});
  EXPECT_EQ(table.match({"h", "/admin", "GET", "", nullptr, "10.0.0.1:80"}).outcome,
            MatchOutcome::kMethodNotAllowed);
  EXPECT_EQ(table.match({"h", "/admin", "GET", "", nullptr, "10.0.0.2:80"}).outcome, MatchOutcome::kNoRoute);
  EXPECT_TRUE(table.allowed_methods({"h", "/admin", "GET", "", nullptr, "10.0.0.2:80"}).empty());
}

TEST(RouteTable, DeepPathsMatchPrefixesOnly) {
  const RouteTable table({rule_of({{}, "", "/a", {}}), rule_of({{}, "/a/b", "", {}})});
  std::string deep = "/a";
  for (int i = 0; i < 500; ++i) deep += "/b";
  const MatchResult result = table.match({"h", deep, "GET"});
  EXPECT_EQ(result.outcome, MatchOutcome::kMatched);
  EXPECT_EQ(result.route, 0u);
}

TEST(RouteTable, NamesTheMethodsThatAPathAdmits) {
  const RouteTable table({rule_of({{}, "/a", "", {"POST", "GET"}}), rule_of({{}, "", "/", {"DELETE"}})});
  EXPECT_EQ(table.match({"h", "/a", "PUT"}).outcome, MatchOutcome::kMethodNotAllowed);
  EXPECT_EQ(table.allowed_methods({"h", "/a", ""}), (std::vector<std::string>{"DELETE", "GET", "POST"}));
}

TEST(Predicates, LookAtEveryFieldAndDecodeTheQuery) {
  http::Fields fields;
  fields.add("Accept", "text/html");
  fields.add("accept", "application/json");
  const auto header = [&](Predicate::Kind kind, std::string text, std::string name = "ACCEPT") {
    return Predicates({{std::move(name), kind, std::move(text)}}, {}).admit(&fields, "");
  };
  EXPECT_TRUE(header(Predicate::Kind::kEquals, "application/json"));
  EXPECT_FALSE(header(Predicate::Kind::kEquals, "application"));
  EXPECT_TRUE(header(Predicate::Kind::kMatches, "application/(json|xml)"));
  EXPECT_FALSE(header(Predicate::Kind::kMatches, "json"));
  EXPECT_TRUE(header(Predicate::Kind::kPresent, ""));
  EXPECT_FALSE(header(Predicate::Kind::kAbsent, ""));
  EXPECT_TRUE(header(Predicate::Kind::kAbsent, "", "x-other"));
  const auto query = [](std::string_view text, Predicate::Kind kind, std::string value) {
    return Predicates({}, {{"a b", kind, std::move(value)}}).admit(nullptr, text);
  };
  EXPECT_TRUE(query("x=1&a+b=c%20d&y", Predicate::Kind::kEquals, "c d"));
  EXPECT_TRUE(query("a%20b=1&a%20b=2", Predicate::Kind::kEquals, "2"));
  EXPECT_TRUE(query("a%20b", Predicate::Kind::kEquals, ""));
  EXPECT_TRUE(query("a%20b=%4", Predicate::Kind::kEquals, "%4"));
  EXPECT_TRUE(query("a+b=v12", Predicate::Kind::kMatches, "v[0-9]+"));
  EXPECT_FALSE(query("ab=1", Predicate::Kind::kPresent, ""));
  EXPECT_TRUE(query("", Predicate::Kind::kAbsent, ""));
}

std::string rewritten(const Match& match, std::string_view pattern, std::string_view path) {
  Arena arena;
  const auto out = PathRewrite(pattern, "").apply(path, PathParameters(match), arena);
  return out ? std::string(*out) : "refused";
}

TEST(PathRewrite, PutsParametersWhereTheyAreNamed) {
  const Match path{{}, "/v1/{kind}/{id}", "", {}};
  EXPECT_EQ(rewritten(path, "/{id}/of/{kind}", "/v1/orders/a%20b"), "/a%20b/of/orders");
  EXPECT_EQ(rewritten({{}, "", "/v1", {}}, "/new/{rest}", "/v1/a/b"), "/new/a/b");
  EXPECT_EQ(rewritten({{}, "", "/v1/", {}}, "/new/{rest}", "/v1"), "/new/");
  EXPECT_EQ(rewritten({{}, "", "", {}}, "/new/{rest}", "/a"), "/new/a");
  const Match regex{{}, "", "", {}, "/(?P<year>[0-9]{4})-(?P<name>.*)"};
  EXPECT_EQ(rewritten(regex, "/{name}/{year}", "/2026-report"), "/report/2026");
  // Text that an expression captures can form dot segments, which must not reach the upstream.
  EXPECT_EQ(rewritten(regex, "/a/{name}/b", "/2026-.."), "/b");
  EXPECT_EQ(rewritten(regex, "/{name}", "/2026-../../x"), "refused");
  EXPECT_EQ(PathRewrite::check("/{id}/{kind}", PathParameters(path).names()), "");
  EXPECT_NE(PathRewrite::check("/{idd}", PathParameters(path).names()).find("did you mean `id`"),
            std::string::npos);
  EXPECT_NE(PathRewrite::check("/a/../{id}", PathParameters(path).names()), "");
  EXPECT_NE(PathRewrite::check("/{id", PathParameters(path).names()), "");
}

TEST(PathRewrite, StripsAPrefixOnASegmentsBoundary) {
  const auto stripped = [](std::string prefix, std::string_view path) {
    Arena arena;
    return std::string(*PathRewrite("", std::move(prefix)).apply(path, PathParameters(Match{}), arena));
  };
  EXPECT_EQ(stripped("/v1", "/v1/a"), "/a");
  EXPECT_EQ(stripped("/v1", "/v1"), "/");
  EXPECT_EQ(stripped("/v1/", "/v1/a"), "/a");
  EXPECT_EQ(stripped("/v1", "/v10/a"), "/v10/a");
  EXPECT_EQ(stripped("/v1", "/a"), "/a");
}

std::string canonical(std::string_view path, http::PathRules rules = {}) {
  Arena arena;
  const auto out = http::canonical_path(path, arena, rules);
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
  EXPECT_EQ(canonical("/a//b"), "/a/b");
  EXPECT_EQ(canonical("///"), "/");
  EXPECT_EQ(canonical("/a///"), "/a/");
  EXPECT_EQ(canonical("/a//../b"), "/b");
  for (const char* hostile : {"/..", "/a/../..", "/%2e%2e/", "/a%2fb", "/a%2Fb", "/a%5cb", "/a%00", "/%",
                              "/%4", "/%zz", "/%c0%af", "/%c1%9c", "/a;b", "/;/a", "/a/..;/b"}) {
    EXPECT_EQ(canonical(hostile), "refused") << hostile;
  }
}

TEST(CanonicalPath, PassesWhatTheListenerAllows) {
  using http::AmbiguousPaths;
  EXPECT_EQ(canonical("//a//", {.merge_slashes = false}), "//a//");
  EXPECT_EQ(canonical("/a;v=1/b", {AmbiguousPaths::kPassParameters}), "/a;v=1/b");
  EXPECT_EQ(canonical("/a%2fb", {AmbiguousPaths::kPassParameters}), "refused");
  EXPECT_EQ(canonical("/a%2fb;c", {AmbiguousPaths::kPass}), "/a%2Fb;c");
  for (const char* climbing : {"/a/..;/b", "/a/.;x/b", "/..;"})
    EXPECT_EQ(canonical(climbing, {AmbiguousPaths::kPass}), "refused") << climbing;
}

}  // namespace
}  // namespace portcullis
