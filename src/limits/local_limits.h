#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/enum_names.h"
#include "crypto/digest.h"
#include "limits/cell_table.h"
#include "runtime/event_loop.h"

namespace portcullis::limits {

enum class Algorithm { kTokenBucket, kSlidingWindow };
constexpr auto names_of(Algorithm) {
  return std::to_array<EnumName<Algorithm>>(
      {{Algorithm::kTokenBucket, "token_bucket"}, {Algorithm::kSlidingWindow, "sliding_window"}});
}

// Time in sixteenths of a microsecond since the counters were created; 52 bits hold nine years.
using Ticks = uint64_t;
inline constexpr uint64_t kTicksPerMicrosecond = 16;

// An amount per period. A plain value.
struct Limit {
  Limit() = default;
  Limit(Algorithm by, uint64_t how_much, std::chrono::milliseconds in, uint64_t at_once)
      : algorithm(by),
        amount(how_much),
        burst(at_once),
        period(in),
        period_ticks(static_cast<Ticks>(in.count()) * 1000 * kTicksPerMicrosecond),
        interval(std::max<Ticks>(1, (period_ticks + amount - 1) / amount)) {}

  Algorithm algorithm = Algorithm::kTokenBucket;
  uint64_t amount = 1;
  uint64_t burst = 1;  // token bucket: max amount at once
  std::chrono::milliseconds period{1000};
  Ticks period_ticks = 1;
  Ticks interval = 1;  // between two units at the steady rate
};

struct Verdict {
  bool allowed = true;
  uint64_t remaining = 0;                    // the amount that would be allowed now
  std::chrono::microseconds reset{0};        // until the whole amount is allowed again
  std::chrono::microseconds retry_after{0};  // until this charge would be allowed
};

// Who can choose the keys of counters: any client, only authenticated callers and the configuration, or
// signers (the nonces of signatures). Each space has separate memory, so keys of one space cannot evict
// counters of another.
enum class CounterSpace : uint8_t { kStrangers, kCallers, kNonces };
inline constexpr size_t kCounterSpaces = 3;

// Identifies a counter.
struct CounterKey {
  CounterSpace space = CounterSpace::kStrangers;
  uint64_t hash = 0;
};

// The counters of one node's rate limits. Any thread, unless stated otherwise; exact regardless of which
// workers charge.
//
// Token bucket: GCRA (ITU-T I.371), which stores one number, the time at which the bucket is full again.
// Sliding window: the count of the current window plus the count of the previous one, weighted by the part of
// last `period` still covers.
class LocalLimits {
 public:
  // Half of `bytes` is for kStrangers, a quarter for kCallers, a quarter for kNonces.
  explicit LocalLimits(size_t bytes);

  // The hash of a key within a scope, for the calls below. Keys of one scope have the same kind (see
  // CellTable).
  uint64_t hash_key(uint64_t scope, std::string_view key) const {
    return scope ^ (hash_(key) & ~CellTable::kKindMask);
  }
  // The scope of the limit called `name`; equal names yield equal scopes. The first 256 names have different
  // kinds. Control thread.
  uint64_t scope_of_limit(const std::string& name);
  // A scope for a text, when the number of texts is unbounded; its kind is one of 256.
  uint64_t scope_of_text(std::string_view text) const { return hash_(text); }

  // Takes `cost` if the limit permits it; otherwise takes nothing.
  Verdict charge(const Limit& limit, CounterKey key, uint64_t cost, Clock::time_point now);
  // Returns what charge() would return, without taking anything.
  Verdict look(const Limit& limit, CounterKey key, uint64_t cost, Clock::time_point now) const;
  // Takes `cost` even beyond the limit, for usage that has already happened.
  void force(const Limit& limit, CounterKey key, uint64_t cost, Clock::time_point now);
  // Returns what charge() took.
  void refund(const Limit& limit, CounterKey key, uint64_t cost, Clock::time_point now);

  // The number of evicted counters that had not expired.
  uint64_t evictions(CounterSpace space) const {
    const Tables& its = tables_[static_cast<size_t>(space)];
    return its.buckets.evictions() + its.windows.evictions();
  }
  // The max number of counters of either algorithm in a space.
  size_t capacity(CounterSpace space) const { return tables_[static_cast<size_t>(space)].buckets.capacity(); }

 private:
  Ticks ticks(Clock::time_point now) const {
    const auto elapsed = std::chrono::duration_cast<std::chrono::nanoseconds>(now - start_).count();
    return static_cast<Ticks>(elapsed) * kTicksPerMicrosecond / 1000;
  }
  static std::chrono::microseconds micros(Ticks ticks) {
    return std::chrono::microseconds((ticks + kTicksPerMicrosecond - 1) / kTicksPerMicrosecond);
  }

  struct Tables {
    explicit Tables(size_t bytes) : buckets(bytes / 2), windows(bytes / 2) {}
    CellTable buckets;
    CellTable windows;
  };
  // The data by which a sliding window is judged: its count, and the weighted count of the previous window.
  struct Window {
    uint64_t number = 0;
    Ticks into = 0;
    uint64_t before = 0;
    uint64_t weighted = 0;
  };

  static Verdict judge_bucket(const Limit& limit, uint64_t full_at, uint64_t cost, Ticks now);
  static Verdict judge_window(const Limit& limit, const Window& window, uint64_t count, uint64_t cost);
  Window window_at(const Limit& limit, CounterKey key, Ticks now) const;
  Verdict charge_bucket(const Limit& limit, CounterKey key, uint64_t cost, Ticks now);
  Verdict charge_window(const Limit& limit, CounterKey key, uint64_t cost, Ticks now);
  void add_to_window(const Limit& limit, CounterKey key, int64_t amount, Ticks now);
  CellTable& buckets(CounterKey key) { return tables_[static_cast<size_t>(key.space)].buckets; }
  CellTable& windows(CounterKey key) { return tables_[static_cast<size_t>(key.space)].windows; }
  const CellTable& buckets(CounterKey key) const { return tables_[static_cast<size_t>(key.space)].buckets; }
  const CellTable& windows(CounterKey key) const { return tables_[static_cast<size_t>(key.space)].windows; }

  const Clock::time_point start_ = Clock::now() - std::chrono::hours(1);
  crypto::KeyedHash hash_;
  std::map<std::string, uint64_t> kinds_;  // kinds of limits, by name
  std::array<Tables, kCounterSpaces> tables_;
};

}  // namespace portcullis::limits
