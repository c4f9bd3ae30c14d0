#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "crypto/digest.h"
#include "limits/cell_table.h"
#include "runtime/event_loop.h"

namespace portcullis::limits {

enum class Algorithm { kTokenBucket, kSlidingWindow };

// Time in sixteenths of a microsecond, since some moment: 52 bits of them are nine years.
using Ticks = uint64_t;
inline constexpr uint64_t kTicksPerMicrosecond = 16;

// So much in so much time. A plain value.
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
  uint64_t burst = 1;  // of the token bucket: how much at once
  std::chrono::milliseconds period{1000};
  Ticks period_ticks = 1;
  Ticks interval = 1;  // between two, at the steady rate
};

struct Verdict {
  bool allowed = true;
  uint64_t remaining = 0;                    // what would still be allowed now
  std::chrono::microseconds reset{0};        // until everything is allowed again
  std::chrono::microseconds retry_after{0};  // until this charge would have been allowed
};

// The counters of one node's rate limits. Any thread; exact whichever workers ask.
//
// Token bucket: GCRA (ITU-T I.371), which keeps one number, the moment at which the bucket is full again.
// Sliding window: the count of this window and of the one before it, weighted by how much of that one the
// last `period` still covers.
class LocalLimits {
 public:
  explicit LocalLimits(size_t bytes) : buckets_(bytes / 2), windows_(bytes / 2) {}

  // The hash of one key of one limit, for the calls below. `scope` is hash_scope() of the limit's name.
  uint64_t hash_scope(std::string_view name) const { return hash_(name); }
  uint64_t hash_key(uint64_t scope, std::string_view key) const { return scope ^ hash_(key); }

  // Takes `cost` if the limit allows it, and else nothing.
  Verdict charge(const Limit& limit, uint64_t key, uint64_t cost, Clock::time_point now);
  // What charge() would say, and takes nothing.
  Verdict look(const Limit& limit, uint64_t key, uint64_t cost, Clock::time_point now) const;
  // Takes `cost`, whatever the limit says: for what has been used already.
  void force(const Limit& limit, uint64_t key, uint64_t cost, Clock::time_point now);
  // Gives back a charge.
  void refund(const Limit& limit, uint64_t key, uint64_t cost, Clock::time_point now);

  uint64_t evictions() const { return buckets_.evictions() + windows_.evictions(); }
  size_t capacity() const { return buckets_.capacity(); }

 private:
  Ticks ticks(Clock::time_point now) const {
    const auto elapsed = std::chrono::duration_cast<std::chrono::nanoseconds>(now - start_).count();
    return static_cast<Ticks>(elapsed) * kTicksPerMicrosecond / 1000;
  }
  static std::chrono::microseconds micros(Ticks ticks) {
    return std::chrono::microseconds((ticks + kTicksPerMicrosecond - 1) / kTicksPerMicrosecond);
  }

  static Verdict judge_bucket(const Limit& limit, uint64_t full_at, uint64_t cost, Ticks now);
  // How a window's count is judged: by its own, and by what the last `period` still has of the one before.
  struct Window {
    uint64_t number = 0;
    Ticks into = 0;
    uint64_t before = 0;
    uint64_t weighted = 0;
  };
  Window window_at(const Limit& limit, uint64_t key, Ticks now) const;
  static Verdict judge_window(const Limit& limit, const Window& window, uint64_t count, uint64_t cost);
  Verdict charge_bucket(const Limit& limit, uint64_t key, uint64_t cost, Ticks now);
  Verdict charge_window(const Limit& limit, uint64_t key, uint64_t cost, Ticks now);
  void add_to_window(const Limit& limit, uint64_t key, int64_t amount, Ticks now);

  const Clock::time_point start_ = Clock::now() - std::chrono::hours(1);
  crypto::KeyedHash hash_;
  CellTable buckets_;
  CellTable windows_;
};

}  // namespace portcullis::limits
