#include "limits/local_limits.h"

#include <algorithm>

#include "base/hash.h"

namespace portcullis::limits {
namespace {

// The payload of a window: the second (modulo 2^24) at which the counter expires, and the count.
constexpr unsigned kCountBits = 28;
constexpr uint64_t kMaxCount = (uint64_t{1} << kCountBits) - 1;
constexpr uint64_t kTicksPerSecond = kTicksPerMicrosecond * 1'000'000;
constexpr uint64_t kSecondsMask = (uint64_t{1} << 24) - 1;

uint64_t count_of(uint64_t payload) {
  return payload & kMaxCount;
}

// Windows last at most 31 days, so the order of two times modulo 194 days is known.
bool is_over(uint64_t payload, uint64_t now_seconds) {
  const uint64_t left = ((payload >> kCountBits) - now_seconds) & kSecondsMask;
  return left == 0 || left > kSecondsMask / 2;
}

uint64_t window_key(CounterKey key, uint64_t window) {
  return key.hash ^ (hash_mix(window, 0x2545F4914F6CDD1Dull) & ~CellTable::kKindMask);
}

// The weight of a counter when a cell must be evicted: the amount that has been charged and not yet been
// freed.
auto weigh_bucket(Ticks now) {
  return [now](uint64_t full_at) { return full_at > now ? full_at - now : 0; };
}
auto weigh_window(Ticks now) {
  return [seconds = now / kTicksPerSecond](uint64_t payload) {
    return is_over(payload, seconds) ? 0 : count_of(payload);
  };
}

// The payload of a window with `count`. The counter expires at the end of the following window.
uint64_t window_payload(const Limit& limit, uint64_t window, uint64_t count) {
  const uint64_t over_at = ((window + 2) * limit.period_ticks / kTicksPerSecond + 1) & kSecondsMask;
  return over_at << kCountBits | std::min(count, kMaxCount);
}

}  // namespace

LocalLimits::LocalLimits(size_t bytes) : tables_{Tables(bytes / 2), Tables(bytes / 4), Tables(bytes / 4)} {}

uint64_t LocalLimits::scope_of_limit(const std::string& name) {
  const uint64_t kind = kinds_.try_emplace(name, kinds_.size() % CellTable::kKinds).first->second;
  return (hash_(name) & ~CellTable::kKindMask) | kind << CellTable::kKindShift;
}

Verdict LocalLimits::charge(const Limit& limit, CounterKey key, uint64_t cost, Clock::time_point now) {
  return limit.algorithm == Algorithm::kTokenBucket ? charge_bucket(limit, key, cost, ticks(now))
                                                    : charge_window(limit, key, cost, ticks(now));
}

Verdict LocalLimits::look(const Limit& limit, CounterKey key, uint64_t cost, Clock::time_point moment) const {
  const Ticks now = ticks(moment);
  if (limit.algorithm == Algorithm::kTokenBucket)
    return judge_bucket(limit, buckets(key).peek(key.hash), cost, now);
  const Window window = window_at(limit, key, now);
  return judge_window(limit, window, count_of(windows(key).peek(window_key(key, window.number))), cost);
}

Verdict LocalLimits::judge_bucket(const Limit& limit, uint64_t full_at, uint64_t cost, Ticks now) {
  const Ticks each = limit.interval;
  const Ticks max = each * limit.burst;
  const Ticks used = full_at > now ? full_at - now : 0;
  const Ticks after = used + each * cost;
  Verdict verdict;
  verdict.allowed = after <= max;
  const Ticks counted = verdict.allowed ? after : used;
  verdict.remaining = counted >= max ? 0 : (max - counted) / each;
  verdict.reset = micros(counted);
  verdict.retry_after = verdict.allowed ? std::chrono::microseconds(0) : micros(after - max);
  return verdict;
}

Verdict LocalLimits::charge_bucket(const Limit& limit, CounterKey key, uint64_t cost, Ticks now) {
  Verdict verdict;
  buckets(key).update(
      key.hash,
      [&](uint64_t full_at) -> std::optional<uint64_t> {
        verdict = judge_bucket(limit, full_at, cost, now);
        if (!verdict.allowed || cost == 0) return std::nullopt;
        return std::max<Ticks>(full_at, now) + limit.interval * cost;
      },
      weigh_bucket(now));
  return verdict;
}

LocalLimits::Window LocalLimits::window_at(const Limit& limit, CounterKey key, Ticks now) const {
  const Ticks period = limit.period_ticks;
  Window window{now / period, now % period};
  window.before = count_of(windows(key).peek(window_key(key, window.number - 1)));
  // The share of the previous window that still lies within the last `period`, rounded up.
  window.weighted = static_cast<uint64_t>(
      (static_cast<uint128>(window.before) * (period - window.into) + period - 1) / period);
  return window;
}

Verdict LocalLimits::judge_window(const Limit& limit, const Window& window, uint64_t count, uint64_t cost) {
  const Ticks period = limit.period_ticks;
  const uint64_t used = window.weighted + count;
  Verdict verdict;
  verdict.allowed = used + cost <= limit.amount;
  const uint64_t counted = verdict.allowed ? used + cost : used;
  verdict.remaining = counted >= limit.amount ? 0 : limit.amount - counted;
  verdict.reset = micros(period - window.into + (count + cost > 0 ? period : 0));
  if (verdict.allowed) return verdict;
  // The share of the previous window shrinks steadily; when that does not free enough, the current window
  // must start to shrink as well.
  const uint64_t excess = used + cost - limit.amount;
  verdict.retry_after =
      window.weighted >= excess && window.before > 0
          ? micros(static_cast<Ticks>(static_cast<uint128>(excess) * period / window.before))
          : micros(period - window.into);
  return verdict;
}

Verdict LocalLimits::charge_window(const Limit& limit, CounterKey key, uint64_t cost, Ticks now) {
  const Window window = window_at(limit, key, now);
  Verdict verdict;
  windows(key).update(
      window_key(key, window.number),
      [&](uint64_t payload) -> std::optional<uint64_t> {
        verdict = judge_window(limit, window, count_of(payload), cost);
        if (!verdict.allowed || cost == 0) return std::nullopt;
        return window_payload(limit, window.number, count_of(payload) + cost);
      },
      weigh_window(now));
  return verdict;
}

void LocalLimits::add_to_window(const Limit& limit, CounterKey key, int64_t amount, Ticks now) {
  const uint64_t window = now / limit.period_ticks;
  windows(key).update(
      window_key(key, window),
      [&](uint64_t payload) -> std::optional<uint64_t> {
        const int64_t count = static_cast<int64_t>(count_of(payload)) + amount;
        return window_payload(limit, window, static_cast<uint64_t>(std::max<int64_t>(count, 0)));
      },
      weigh_window(now));
}

void LocalLimits::force(const Limit& limit, CounterKey key, uint64_t cost, Clock::time_point moment) {
  const Ticks now = ticks(moment);
  if (limit.algorithm == Algorithm::kSlidingWindow)
    return add_to_window(limit, key, static_cast<int64_t>(std::min(cost, kMaxCount)), now);
  const Ticks each = limit.interval;
  // Debts are limited to a month; a larger debt could only come from a wrong cost.
  constexpr Ticks kMaxDebt = 31ull * 86'400 * 1'000'000 * kTicksPerMicrosecond;
  const Ticks debt = cost > kMaxDebt / each ? kMaxDebt : each * cost;
  buckets(key).update(
      key.hash,
      [&](uint64_t full_at) -> std::optional<uint64_t> {
        return std::min(std::max(full_at, now) + debt, now + kMaxDebt);
      },
      weigh_bucket(now));
}

void LocalLimits::refund(const Limit& limit, CounterKey key, uint64_t cost, Clock::time_point moment) {
  const Ticks now = ticks(moment);
  if (limit.algorithm == Algorithm::kSlidingWindow)
    return add_to_window(limit, key, -static_cast<int64_t>(std::min(cost, kMaxCount)), now);
  const Ticks back = limit.interval * cost;
  buckets(key).update(
      key.hash,
      [&](uint64_t full_at) -> std::optional<uint64_t> {
        if (full_at <= now) return std::nullopt;
        return full_at > back ? full_at - back : 0;
      },
      weigh_bucket(now));
}

}  // namespace portcullis::limits
