#include "routing/pattern_store.h"

#include <gtest/gtest.h>

#include <string>

namespace portcullis {
namespace {

using routing::Candidate;
using routing::Pattern;
using routing::PatternKind;
using routing::PatternStore;

PatternStore::Place add(PatternStore& store, const std::string& text, uint32_t route = 0) {
  const Candidate candidate{route, 1, false};
  return store.add(std::span(&candidate, 1), PatternKind::kExact, text);
}

TEST(PatternStore, FindsEachOfTwoPatternsWithOneHash) {
  PatternStore store;
  store.reserve(2, 2);
  store.index(add(store, "a"), 42);
  store.index(add(store, "b"), 42);

  for (const std::string wanted : {"a", "b"}) {
    const Pattern* found =
        store.find(42, [&](const Pattern& one) { return PatternStore::text_of(one) == wanted; });
    ASSERT_NE(found, nullptr) << wanted;
    EXPECT_EQ(PatternStore::text_of(*found), wanted);
  }
  EXPECT_EQ(store.find(42, [](const Pattern&) { return false; }), nullptr);
}

TEST(PatternStore, FindsNothingBeforeAPatternIsIndexed) {
  PatternStore empty;
  EXPECT_EQ(empty.find(42, [](const Pattern&) { return true; }), nullptr);
}

TEST(PatternStore, KeepsAPatternThatFitsIntoACacheLineInOneLine) {
  PatternStore store;
  constexpr size_t kLine = 64;
  const auto line_of = [](const char* at) { return reinterpret_cast<uintptr_t>(at) / kLine; };
  std::vector<std::pair<PatternStore::Place, std::string>> added;
  for (size_t i = 0; i < 200; ++i) {
    std::string text = std::to_string(i);
    text.resize(i % 50, 'x');
    added.emplace_back(add(store, text, static_cast<uint32_t>(i)), text);
  }

  for (const auto& [place, text] : added) {
    const Pattern& pattern = store.at(place);
    const auto* begin = reinterpret_cast<const char*>(&pattern);
    const char* last = begin + sizeof pattern + text.size() - 1;
    EXPECT_EQ(PatternStore::text_of(pattern), text);
    if (sizeof pattern + text.size() <= kLine) {
      EXPECT_EQ(line_of(begin), line_of(last)) << text;
    }
  }
}

TEST(PatternStore, VisitsTheCandidatesOfAPatternInTheirOrder) {
  PatternStore store;
  store.reserve(2, 2);
  const Candidate first[] = {{5, 1, false}, {3, 1, false}, {4, 1, false}};
  add(store, "x", 9);
  const PatternStore::Place place = store.add(first, PatternKind::kExact, "y");

  std::vector<uint32_t> visited;
  EXPECT_FALSE(store.visit_candidates(store.at(place), [&](const Candidate& one) {
    visited.push_back(one.route);
    return false;
  }));
  EXPECT_EQ(visited, (std::vector<uint32_t>{5, 3, 4}));
}

}  // namespace
}  // namespace portcullis
