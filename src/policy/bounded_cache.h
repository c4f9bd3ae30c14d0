#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/digest.h"

namespace portcullis::policy {

// Caches the results of verified credentials. Each entry expires by the steady clock, so setting the time of
// day does not prolong an entry. The number of entries is fixed: each key has two places, and a new entry
// replaces the less recently used of the two. Belongs to one worker.
//
// Refused credentials are never in the cache, so the time of an answer tells a forger nothing about wrong
// guesses.
template <typename Value>
class BoundedCache {
 public:
  using Moment = std::chrono::steady_clock::time_point;

  explicit BoundedCache(size_t capacity) : entries_(capacity) {}

  // Null when the key is unknown or its entry has expired. The pointer is valid until the next keep().
  const Value* find(std::string_view key, Moment now) {
    if (entries_.empty()) return nullptr;
    for (const size_t at : places(key)) {
      Entry& entry = entries_[at];
      if (entry.used == 0 || now >= entry.good_until || entry.key != key) continue;
      entry.used = ++clock_;
      return &*entry.value;
    }
    return nullptr;
  }

  void keep(std::string_view key, Value value, Moment good_until) {
    if (entries_.empty()) return;
    const auto both = places(key);
    Entry& first = entries_[both[0]];
    Entry& second = entries_[both[1]];
    Entry& entry = second.used < first.used ? second : first;
    entry.key.assign(key);
    entry.value.emplace(std::move(value));
    entry.good_until = good_until;
    entry.used = ++clock_;
  }

 private:
  struct Entry {
    std::string key;
    std::optional<Value> value;
    Moment good_until{};
    uint64_t used = 0;
  };

  // Hashing the last 64 bytes of a token is enough: they are part of the signature, which differs between
  // tokens.
  std::array<size_t, 2> places(std::string_view key) const {
    const uint64_t hash = hash_(key.substr(key.size() > 64 ? key.size() - 64 : 0));
    return {(hash & 0xFFFFFFFF) * entries_.size() >> 32, (hash >> 32) * entries_.size() >> 32};
  }

  std::vector<Entry> entries_;
  crypto::KeyedHash hash_;
  uint64_t clock_ = 0;
};

}  // namespace portcullis::policy
