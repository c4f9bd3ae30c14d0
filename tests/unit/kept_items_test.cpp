// Routes that are not parsed again: what a configuration means does not depend on what was kept of the last
// one.
#include "config/kept_items.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "config/item_text.h"
#include "config/loader.h"
#include "policy/registry.h"

namespace portcullis::config {
namespace {

constexpr size_t kRoutes = 40;
constexpr size_t kKept = kRoutes - 1;  // the last one is always parsed

std::string head() {
  return "version: 1\n"
         "listeners: [{name: web, address: '127.0.0.1:8080'}]\n"
         "upstreams: [{name: backend, targets: [{address: '127.0.0.1:9000'}]}]\n";
}

// Routes in several styles, with what could mislead a reader that goes by lines.
std::vector<std::string> route_texts() {
  std::vector<std::string> out;
  for (size_t i = 0; i < kRoutes; ++i) {
    const std::string number = std::to_string(i);
    switch (i % 5) {
      case 0:
        out.push_back("  - {name: r" + number + ", match: {path: /r" + number + "}, upstream: backend}\n");
        break;
      case 1:
        out.push_back(
            "  - name: r" + number + "\n    match:\n      path_prefix: /r" + number +
            "\n    # a comment\n\n    upstream: backend\n    policies:\n      - rate_limit: {limit: 5/s}\n");
        break;
      case 2:
        out.push_back("  -\n    name: r" + number + "\n    match: {hosts: ['*.r" + number +
                      ".test'], headers: {x-a: \"a\n      b\"}}\n    upstream: backend\n");
        break;
      case 3:
        out.push_back("  - name: r" + number + "\n    match: {path: /r" + number +
                      "}\n    policies:\n    - respond:\n        body: |\n          - {name: not a route}\n  "
                      "        routes:\n");
        break;
      default:
        out.push_back("  - name: r" + number + "\n    upstream: backend\n    match: {path: /r" + number +
                      ", methods: [GET,\n      POST]}\n");
    }
  }
  return out;
}

std::string whole(const std::vector<std::string>& routes, const std::string& tail = "") {
  std::string out = head() + "routes:  # all of them\n";
  for (const std::string& one : routes) out += one;
  return out + tail;
}

// A configuration with its diagnostics, as text.
std::string told(const std::optional<Config>& config, const Diagnostics& diagnostics) {
  std::string out;
  for (const Diagnostic& one : diagnostics.sorted()) out += one.to_string() + "\n";
  if (!config) return out + "refused";
  const auto place = [](const Location& at) {
    return at.file.text() + ":" + std::to_string(at.line()) + ":" + std::to_string(at.column);
  };
  for (const Route& route : config->routes) {
    out += place(route.location) + " " + route.name + " " + route.match.path + route.match.path_prefix + " " +
           place(route.upstream_location) + "\n";
    PolicySets(config->policy_sets)
        .for_each_policy(route.policies, [&](const PolicyUse& use, const PolicySet*) {
          out += "  " + use.name + " " + place(use.location) + "\n";
        });
  }
  return out;
}

class KeptItemsTest : public ::testing::Test {
 protected:
  // Loads `text` with what is kept, and without, and compares. The number of routes that are the same objects
  // as those of the last configuration that was loaded.
  size_t load(const std::string& text) {
    Diagnostics plain_diagnostics;
    const auto plain = load_text(text, "test.yaml", policy::catalog(), plain_diagnostics);
    Reading reading = read_text(text, "test.yaml", kept_);
    auto config = config::load(reading, policy::catalog());
    const std::string expected = told(plain, plain_diagnostics);
    EXPECT_EQ(told(config, reading.diagnostics), expected) << text;
    is_loaded = config.has_value();
    if (!config) return 0;
    size_t shared = 0;
    for (size_t i = 0; i < config->routes.size(); ++i) {
      for (const auto& before : last_) shared += config->routes.share(i) == before ? 1 : 0;
    }
    last_.clear();
    for (size_t i = 0; i < config->routes.size(); ++i) last_.push_back(config->routes.share(i));
    return shared;
  }

  bool is_loaded = false;

 private:
  std::shared_ptr<KeptItems> kept_ = std::make_shared<KeptItems>();
  std::vector<std::shared_ptr<const Route>> last_;
};

TEST_F(KeptItemsTest, UnchangedRoutesAreTheSameObjects) {
  std::vector<std::string> routes = route_texts();
  EXPECT_EQ(load(whole(routes)), 0u);
  EXPECT_TRUE(is_loaded);
  EXPECT_EQ(load(whole(routes)), kKept);
  routes[3].replace(routes[3].find("/r3"), 3, "/other");
  EXPECT_EQ(load(whole(routes)), kKept - 1);
  EXPECT_EQ(load(whole(routes)), kKept);
}

TEST_F(KeptItemsTest, LinesMayMove) {
  std::vector<std::string> routes = route_texts();
  (void)load(whole(routes));
  routes.insert(routes.begin(), "  - {name: new, match: {path: /new}, upstream: backend}\n  # more\n\n");
  EXPECT_EQ(load(whole(routes)), kKept);
  routes.erase(routes.begin() + 5);
  EXPECT_EQ(load(whole(routes)), kKept);
  std::swap(routes[1], routes[30]);
  EXPECT_EQ(load(whole(routes)), kKept);
  EXPECT_EQ(load("# first\n" + whole(routes, "drain_timeout: 3s\n")), kKept);
}

TEST_F(KeptItemsTest, AFaultIsToldAtItsPlaceInTheNewText) {
  std::vector<std::string> routes = route_texts();
  (void)load(whole(routes));
  routes.insert(routes.begin(), "\n\n");
  // The upstream is gone, so that all routes are told of.
  std::string text = whole(routes);
  text.replace(text.find("name: backend"), 13, "name: another");
  EXPECT_EQ(load(text), 0u);
  EXPECT_FALSE(is_loaded);
  EXPECT_EQ(load(whole(routes)), kKept);
}

TEST_F(KeptItemsTest, WhatDependsOnOtherPartsIsReadAgain) {
  const std::vector<std::string> routes = route_texts();
  const auto with = [&](const std::string& route, const std::string& before = "") {
    std::vector<std::string> out = routes;
    out[7] = route;
    return before + whole(out);
  };
  const std::string uses = "  - {name: r7, match: &place {path: /r7}, upstream: backend}\n";
  const std::string alias = "  - {name: r7, match: *place, upstream: backend}\n";
  (void)load(whole(routes));
  EXPECT_EQ(load(with(alias, "x-place: &place {path: /one}\n")), 0u);
  EXPECT_TRUE(is_loaded);
  (void)load(with(alias, "x-place: &place {path: /two}\n"));
  (void)load(with(uses));
  EXPECT_EQ(load(with(uses)), 0u);  // an alias of it may stand anywhere
  ::setenv("PORTCULLIS_TEST_PATH", "/one", 1);
  const std::string variable =
      "  - {name: r7, match: {path: '${PORTCULLIS_TEST_PATH}'}, upstream: backend}\n";
  (void)load(with(variable));
  ::setenv("PORTCULLIS_TEST_PATH", "/two", 1);
  EXPECT_EQ(load(with(variable)), kKept - 1);
  ::unsetenv("PORTCULLIS_TEST_PATH");
  EXPECT_EQ(load(with(variable)), 0u);
  EXPECT_FALSE(is_loaded);
}

TEST_F(KeptItemsTest, WhatIsWrittenInAnotherWayIsReadWhole) {
  std::vector<std::string> routes = route_texts();
  (void)load(whole(routes));
  (void)load(head() + "routes: [{name: a, match: {path: /a}, upstream: backend}]\n");
  EXPECT_TRUE(is_loaded);
  (void)load(head() + "routes:\n- {name: a, match: {path: /a}, upstream: backend}\n");
  EXPECT_TRUE(is_loaded);
  (void)load(head() + "routes: []\n" + "policies: [respond: {}]\n");
  EXPECT_TRUE(is_loaded);
  (void)load(head() + "x-old: |\n  routes:\n" + whole(routes).substr(head().size()));
  EXPECT_TRUE(is_loaded);
  // A line that is indented as the list and does not begin an element.
  std::vector<std::string> unusual = routes;
  unusual[4] = "  - {name: r4, match: {path: /r4, methods: [GET,\n  POST]}, upstream: backend}\n";
  (void)load(whole(unusual));
  EXPECT_TRUE(is_loaded);
  EXPECT_EQ(load(whole(unusual)), 0u);
  for (const char* fault :
       {"  - {name: 'r3, match: {path: /r3}, upstream: backend}\n", "  - [\n", "  name: r3\n",
        "  - {name: r3}}\n", "\t- {name: r3}\n", " - {name: r3}\n", "---\n", "routes:\n"}) {
    std::vector<std::string> broken = routes;
    broken[3] = fault;
    (void)load(whole(routes));
    (void)load(whole(broken));
    EXPECT_FALSE(is_loaded) << fault;
  }
}

TEST_F(KeptItemsTest, TheLastRouteMayGoOnBehindWhatLooksLikeItsEnd) {
  std::vector<std::string> routes = route_texts();
  const std::string begin =
      "  - name: last\n    match: {path: /last}\n    policies:\n      - respond:\n          body: "
      "\"Maintenance.\n";
  routes.push_back(begin + "Reason: upgrade\"\n");
  for (int i = 0; i < 2; ++i) {
    (void)load(whole(routes));
    EXPECT_TRUE(is_loaded);
  }
  routes.back() = begin;
  (void)load(whole(routes));
  EXPECT_FALSE(is_loaded);
  routes.back() = begin + "x-note: upgrade\"\n";
  (void)load(whole(routes));
  EXPECT_TRUE(is_loaded);
  routes.back() = begin + "x-note: another\"\n";
  (void)load(whole(routes));
  routes.back() = "  - {name: last, match: {path: /last},\nupstream: backend}\n";
  for (int i = 0; i < 2; ++i) {
    (void)load(whole(routes));
    EXPECT_TRUE(is_loaded);
  }
}

TEST_F(KeptItemsTest, WhatIsAroundTheListCounts) {
  std::vector<std::string> routes = route_texts();
  (void)load(whole(routes));
  std::string flow = whole(routes);
  for (size_t at = 0; (at = flow.find('\n', at)) != std::string::npos && at < head().size(); at += 2)
    flow.insert(at, ",");
  (void)load("{" + flow + "}\n");
  EXPECT_FALSE(is_loaded);
  routes[2] = "  - {name: !y!str r2, match: {path: /r2}, upstream: backend}\n";
  const std::string tag = "%TAG !y! tag:yaml.org,2002:\n---\n";
  (void)load(tag + whole(routes));
  EXPECT_TRUE(is_loaded);
  (void)load(whole(routes));
  EXPECT_FALSE(is_loaded);
  routes[2] = "  - {name: r2, x-deep: " + std::string(63, '[') + std::string(63, ']') +
              ", match: {path: /r2}, upstream: backend}\n";
  (void)load(whole(routes));
  EXPECT_FALSE(is_loaded);
}

TEST_F(KeptItemsTest, AVariableMayBeWrittenByEscapes) {
  std::vector<std::string> routes = route_texts();
  routes[7] = "  - {name: r7, match: {path: \"\\x24{PORTCULLIS_TEST_PATH}\"}, upstream: backend}\n";
  ::setenv("PORTCULLIS_TEST_PATH", "/one", 1);
  (void)load(whole(routes));
  EXPECT_TRUE(is_loaded);
  ::setenv("PORTCULLIS_TEST_PATH", "/two", 1);
  EXPECT_EQ(load(whole(routes)), kKept - 1);
  ::unsetenv("PORTCULLIS_TEST_PATH");
}

TEST_F(KeptItemsTest, WarningsAreRepeated) {
  std::vector<std::string> routes = route_texts();
  routes[0] =
      "  - {name: r0, match: {path: /r0}, upstream: backend, policies: [headers: {request: {set: {x: "
      "$host}}}]}\n";
  (void)load(whole(routes));
  EXPECT_TRUE(is_loaded);
  (void)load(whole(routes));
}

// Lines are removed, repeated, moved and broken at random: whatever comes of it, what is kept makes no
// difference.
TEST_F(KeptItemsTest, NoEditMakesADifference) {
  Random random(20261130);
  const std::vector<std::string> routes = route_texts();
  const std::string marks[] = {"'",   "\"", "[", "}",  "- ", "  - ",    "#",
                               "&a ", "*a", "|", ": ", "\t", "routes:", " "};
  size_t loaded = 0;
  for (int i = 0; i < 400 && !HasFailure(); ++i) {
    std::string text = whole(routes);
    for (uint64_t edits = random.below(3); edits > 0; --edits) {
      std::vector<std::string> lines;
      for (size_t at = 0; at < text.size();) {
        const size_t end = text.find('\n', at) + 1;
        lines.push_back(text.substr(at, end - at));
        at = end;
      }
      const size_t one = random.below(lines.size()), other = random.below(lines.size());
      switch (random.below(4)) {
        case 0: lines.erase(lines.begin() + static_cast<ptrdiff_t>(one)); break;
        case 1: lines.insert(lines.begin() + static_cast<ptrdiff_t>(one), lines[other]); break;
        case 2: std::swap(lines[one], lines[other]); break;
        default: lines[one].insert(random.below(lines[one].size()), marks[random.below(std::size(marks))]);
      }
      text.clear();
      for (const std::string& line : lines) text += line;
    }
    (void)load(text);
    loaded += is_loaded ? 1 : 0;
  }
  EXPECT_GT(loaded, 50u);
}

TEST(ItemTextTest, TheElementsOfAList) {
  const auto items = [](std::string_view text) {
    std::vector<std::string> out;
    if (const auto list = find_list(text, "routes")) {
      for (const ItemText& one : list->items)
        out.push_back(std::to_string(one.line) + ":" + std::string(one.text));
    }
    return out;
  };
  using Texts = std::vector<std::string>;
  EXPECT_EQ(items("a: 1\nroutes:\n  - b\n    c\n\n  # d\n  - e\nf: 1\n"),
            (Texts{"3:  - b\n    c\n\n  # d\n", "7:  - e\n"}));
  EXPECT_EQ(items("routes:\n- a\n-\n  b"), (Texts{"2:- a\n", "3:-\n  b"}));
  for (const char* none : {"", "routes: [a]\n", "routes:\n", "  routes:\n    - a\n", "routes2:\n- a\n",
                           "routes:\n  a: 1\n", "routes:\n  - a\n b: 1\n", "routes:\n\t- a\n"})
    EXPECT_EQ(items(none), Texts()) << none;
  const std::string text = "a: 1\nroutes:\n  - b\n    c\nf: 1\n";
  EXPECT_EQ(without_items(text, *find_list(text, "routes")), "a: 1\nroutes:\n\n\nf: 1\n");
}

}  // namespace
}  // namespace portcullis::config
