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

// What has been found out about credentials, each until some moment by the clock that only goes forward:
// setting the time of day makes nothing last longer. Bounded: each has two places and takes that of the one
// used less lately. One worker's.
//
// A credential that was refused is never in it, so the time that a forger's wrong guess takes tells nothing.
template <typename Value>
class BoundedCache {
 public:
  using Moment = std::chrono::steady_clock::time_point;

  explicit BoundedCache(size_t capacity) : entries_(capacity) {}

  // Null when it is not known, or no longer good. Valid until the next keep().
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

  // The end of a token is of its signature: no two share it, and hashing it is enough.
  std::array<size_t, 2> places(std::string_view key) const {
    const uint64_t hash = hash_(key.substr(key.size() > 64 ? key.size() - 64 : 0));
    return {(hash & 0xFFFFFFFF) * entries_.size() >> 32, (hash >> 32) * entries_.size() >> 32};
  }

  std::vector<Entry> entries_;
  crypto::KeyedHash hash_;
  uint64_t clock_ = 0;
};

}  // namespace portcullis::policy
