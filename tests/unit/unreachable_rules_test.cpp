#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "route_rule.h"
#include "routing/explain.h"

namespace portcullis {
namespace {

using routing::Match;
using routing::Predicate;
using routing::RouteRule;

std::string with_one_parameter_name(std::string path) {
  for (const char* name : {"{a}", "{b}"}) {
    for (size_t at = path.find(name); at != std::string::npos; at = path.find(name)) path.replace(at, 3, "*");
  }
  return path;
}

std::string text_of(const std::string& text) {
  return text;
}
std::string text_of(const Predicate& predicate) {
  return predicate.name + "=" + predicate.text;
}

bool share_a_pattern(const RouteRule& one, const RouteRule& other) {
  const Match &a = *one.match, &b = *other.match;
  const auto prefix = [](std::string text) {
    if (text.ends_with('/')) text.pop_back();
    return text;
  };
  const auto in_order = [](auto all) {
    std::sort(all.begin(), all.end(), [](const auto& x, const auto& y) { return text_of(x) < text_of(y); });
    return all;
  };
  return with_one_parameter_name(a.path) == with_one_parameter_name(b.path) &&
         prefix(a.path_prefix) == prefix(b.path_prefix) && a.path_regex == b.path_regex &&
         in_order(a.headers) == in_order(b.headers) && in_order(a.query) == in_order(b.query) &&
         in_order(one.listeners) == in_order(other.listeners);
}

bool contains(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

// The rules that unreachable_rules() must report, by comparing each rule with all earlier rules.
std::vector<uint32_t> found_by_comparing(const std::vector<RouteRule>& rules) {
  std::vector<uint32_t> out;
  for (uint32_t i = 0; i < rules.size(); ++i) {
    const auto taken = [&](const std::string& host, const std::string& method) {
      return std::any_of(rules.begin(), rules.begin() + i, [&](const RouteRule& earlier) {
        const Match& match = *earlier.match;
        const bool same_host = match.hosts.empty() ? host.empty() : contains(match.hosts, host);
        const bool same_method = method.empty() ? match.methods.empty() : contains(match.methods, method);
        return same_host && same_method && share_a_pattern(earlier, rules[i]);
      });
    };
    const auto &hosts = rules[i].match->hosts, &methods = rules[i].match->methods;
    bool unreachable = true;
    for (const std::string& host : hosts.empty() ? std::vector<std::string>{""} : hosts) {
      for (const std::string& method : methods.empty() ? std::vector<std::string>{""} : methods)
        unreachable = unreachable && taken(host, method);
    }
    if (unreachable) out.push_back(i);
  }
  return out;
}

TEST(UnreachableRules, AreThoseThatComparingEachPairFinds) {
  std::mt19937 random(7);
  const auto one_of = [&](const std::vector<std::string>& from) { return from[random() % from.size()]; };
  size_t found = 0;
  for (int table = 0; table < 4'000; ++table) {
    std::vector<RouteRule> rules;
    for (size_t count = 1 + random() % 12; rules.size() < count;) {
      Match match;
      if (random() % 3 == 0) match.hosts = {one_of({"a.example.com", "*.example.com"}), "b.example.com"};
      switch (random() % 3) {
        case 0: match.path = one_of({"/v1", "/v1/{a}", "/v1/{b}", "/{a}/x", "/{}/x"}); break;
        case 1: match.path_prefix = one_of({"", "/", "/v1", "/v1/"}); break;
        default: match.path_regex = one_of({"/v1", "/v1.*"}); break;
      }
      if (random() % 2 == 0) match.methods = {one_of({"GET", "POST"}), one_of({"GET", "PUT"})};
      if (random() % 4 == 0) match.headers.push_back({"x-one", Predicate::Kind::kEquals, one_of({"1", "2"})});
      if (random() % 4 == 0) match.headers.push_back({"x-two", Predicate::Kind::kEquals, "1"});
      if (random() % 2 == 0) std::reverse(match.headers.begin(), match.headers.end());
      if (random() % 4 == 0) match.query.push_back({"q", Predicate::Kind::kPresent});
      std::vector<std::string> listeners;
      if (random() % 4 == 0) listeners = {one_of({"10.0.0.1:80", "10.0.0.2:80"}), "10.0.0.3:80"};
      if (random() % 2 == 0) std::reverse(listeners.begin(), listeners.end());
      rules.push_back(rule_of(std::move(match), std::move(listeners)));
    }
    std::vector<uint32_t> given;
    for (const routing::Shadowed& one : routing::unreachable_rules(rules)) {
      given.push_back(one.route);
      EXPECT_LT(one.by, one.route);
      EXPECT_TRUE(share_a_pattern(rules[one.by], rules[one.route]));
    }
    ASSERT_EQ(given, found_by_comparing(rules)) << "table " << table;
    found += given.size();
  }
  EXPECT_GT(found, 200u);
}

TEST(UnreachableRules, KnowsThatRoutesOfTwoListenersDoNotMeet) {
  const Match all{{}, "", "/", {}};
  const RouteRule one = rule_of(all, {"10.0.0.1:80"}), other = rule_of(all, {"10.0.0.2:80"}), same = one;
  EXPECT_TRUE(routing::unreachable_rules({one, other}).empty());
  EXPECT_EQ(routing::unreachable_rules({one, other, same}).size(), 1u);
}

}  // namespace
}  // namespace portcullis
