#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/huge_pages.h"

namespace portcullis::routing {

// The common methods as bits, so that matching need not examine the rules.
using MethodSet = uint16_t;

// A rule that a pattern leads to.
struct Candidate {
  uint32_t route;
  MethodSet methods;
  bool conditional;  // the rule has predicates on headers or query, or listeners
};

enum class PatternKind : uint8_t { kExact, kParameters, kPrefix, kRegex };

// A distinct pattern of one host, with the rules that share it in order of precedence.
struct Pattern {
  Candidate first;
  uint32_t others_begin;  // first of the further candidates
  uint32_t others_count;
  uint32_t text_size;
  PatternKind kind;
};

// The patterns of a table, and a hash table of them. With many routes, a match costs as much as the cache
// lines that it touches, one after the other: a slot, and then the pattern. So slots are small, the text of a
// pattern follows the pattern itself, and both are in one cache line when the text has at most 40 bytes.
class PatternStore {
 public:
  // The place of a pattern. kNone means that there is no pattern.
  using Place = uint32_t;
  static constexpr Place kNone = 0;

  // Makes room for so many patterns whose texts have so many bytes together. Call this once, before add().
  void reserve(size_t patterns, size_t text_bytes);
  // Adds a pattern that only at() finds.
  Place add(std::span<const Candidate> candidates, PatternKind kind, std::string_view text);
  // Makes find() find the pattern by `hash`.
  void index(Place place, uint64_t hash);

  const Pattern& at(Place place) const {
    return *reinterpret_cast<const Pattern*>(bytes() + (size_t{place} - 1) * kUnit);
  }
  static std::string_view text_of(const Pattern& pattern) {
    return {reinterpret_cast<const char*>(&pattern + 1), pattern.text_size};
  }

  // The first pattern with this hash for which `is_wanted` is true; null when there is none.
  template <typename IsWanted>
  const Pattern* find(uint64_t hash, IsWanted is_wanted) const {
    if (slots_.empty()) return nullptr;
    for (size_t i = hash & mask_; slots_[i].place != kNone; i = (i + 1) & mask_) {
      if (slots_[i].tag != tag_of(hash)) continue;
      const Pattern& pattern = at(slots_[i].place);
      if (is_wanted(pattern)) return &pattern;
    }
    return nullptr;
  }
  // Begins to load the slot of `hash` into the cache.
  void prefetch(uint64_t hash) const { __builtin_prefetch(&slots_[hash & mask_]); }
  // True when the slots fit into the first caches, so that prefetching them would only cost time.
  bool is_small() const { return slots_.size() <= kSlotsInCache; }

  // Visits the pattern's rules in order of precedence until visit returns true.
  template <typename Visit>
  bool visit_candidates(const Pattern& pattern, Visit visit) const {
    if (visit(pattern.first)) return true;
    for (uint32_t i = 0; i < pattern.others_count; ++i) {
      if (visit(others_[pattern.others_begin + i])) return true;
    }
    return false;
  }

 private:
  struct Slot {
    uint32_t tag = 0;
    Place place = kNone;
  };
  struct alignas(64) Line {
    char bytes[64];
  };
  static constexpr size_t kUnit = 8;  // places count in this many bytes
  static constexpr size_t kSlotsInCache = 8192;

  static uint32_t tag_of(uint64_t hash) { return static_cast<uint32_t>(hash >> 32); }
  const char* bytes() const { return reinterpret_cast<const char*>(lines_.data()); }

  std::vector<Slot, HugePages<Slot>> slots_;
  size_t mask_ = 0;
  std::vector<Line, HugePages<Line>> lines_;
  size_t used_ = 0;  // bytes of `lines_`
  std::vector<Candidate> others_;
};

}  // namespace portcullis::routing
