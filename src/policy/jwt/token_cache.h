#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "identity/claims.h"
#include "identity/directory.h"

namespace portcullis::policy {

// Tokens that have been verified. Bounded: each has two places, and takes that of the one used less lately. A
// token that would fail is never in it, so what a forger learns from its timing is nothing. One worker's.
class TokenCache {
 public:
  struct Entry {
    std::string token;
    std::shared_ptr<const identity::Claims> claims;
    const identity::Consumer* consumer = nullptr;
    std::chrono::sys_seconds good_until{};
    uint64_t keys_version = 0;
    uint64_t used = 0;
  };

  TokenCache(size_t capacity, uint64_t seed) : entries_(capacity), seed_(seed) {}

  // Null when it is not known, has expired, or was verified with other keys.
  const Entry* find(std::string_view token, uint64_t keys_version, std::chrono::sys_seconds now) {
    if (entries_.empty()) return nullptr;
    for (const size_t at : places(token)) {
      Entry& entry = entries_[at];
      if (entry.token != token || entry.keys_version != keys_version || now >= entry.good_until) continue;
      entry.used = ++clock_;
      return &entry;
    }
    return nullptr;
  }

  void keep(std::string_view token, std::shared_ptr<const identity::Claims> claims,
            const identity::Consumer* consumer, std::chrono::sys_seconds good_until, uint64_t keys_version) {
    if (entries_.empty()) return;
    const auto both = places(token);
    Entry& first = entries_[both[0]];
    Entry& second = entries_[both[1]];
    Entry& entry = second.used < first.used ? second : first;
    entry.token.assign(token);
    entry.claims = std::move(claims);
    entry.consumer = consumer;
    entry.good_until = good_until;
    entry.keys_version = keys_version;
    entry.used = ++clock_;
  }

 private:
  // The end of a token is of its signature, and so unlike any other's.
  std::array<size_t, 2> places(std::string_view token) const {
    const std::string_view end = token.substr(token.size() > 32 ? token.size() - 32 : 0);
    const uint64_t hash = hash_bytes(end, seed_);
    return {(hash & 0xFFFFFFFF) * entries_.size() >> 32, (hash >> 32) * entries_.size() >> 32};
  }

  std::vector<Entry> entries_;
  uint64_t seed_;
  uint64_t clock_ = 0;
};

}  // namespace portcullis::policy
