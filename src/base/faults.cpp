#include "base/faults.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/hash.h"

namespace portcullis {
namespace {

using Steady = std::chrono::steady_clock;

std::array<std::atomic<uint64_t>, kFaultKinds> counted{};

// Limits how often messages are logged: one token bucket for each kind of fault.
class Limiter {
 public:
  static Limiter& instance() {
    static Limiter one;
    return one;
  }

  // True when another message of `kind` may be logged; `left_out` is then the number of messages suppressed
  // before it.
  bool admit(Fault kind, uint64_t& left_out) {
    const std::lock_guard lock(mutex_);
    Bucket& bucket = buckets_[static_cast<size_t>(kind)];
    const Steady::time_point now = Steady::now();
    const auto fresh = (now - bucket.counted_at) / kPause;
    if (fresh > 0) {
      bucket.left = std::min<int64_t>(bucket.left + fresh, kBurst);
      bucket.counted_at += fresh * kPause;
    }
    if (bucket.left == 0) {
      ++bucket.left_out;
      return false;
    }
    --bucket.left;
    left_out = std::exchange(bucket.left_out, 0);
    return true;
  }

 private:
  static constexpr int64_t kBurst = 20;
  static constexpr std::chrono::seconds kPause{3};
  struct Bucket {
    int64_t left = kBurst;
    Steady::time_point counted_at = Steady::now();
    uint64_t left_out = 0;
  };

  std::mutex mutex_;
  std::array<Bucket, kFaultKinds> buckets_{};
};

int64_t steady_second() {
  return std::chrono::duration_cast<std::chrono::seconds>(Steady::now().time_since_epoch()).count();
}

}  // namespace

void count_fault(Fault kind) {
  counted[static_cast<size_t>(kind)].fetch_add(1, std::memory_order_relaxed);
}

uint64_t faults_counted(Fault kind) {
  return counted[static_cast<size_t>(kind)].load(std::memory_order_relaxed);
}

void tell_fault(Fault kind, Level level, const std::string& message) {
  uint64_t left_out = 0;
  if (!Limiter::instance().admit(kind, left_out)) return;
  const std::string note =
      left_out == 0 ? "" : " (" + std::to_string(left_out) + " messages of this kind were left out before)";
  say_fault(level, name_of(kind), message + note);
}

void report_fault(Fault kind, const std::string& message) {
  count_fault(kind);
  tell_fault(kind, Level::kWarning, message);
}

Say told_as(Fault kind) {
  return [kind](Level level, const std::string& message) { tell_fault(kind, level, message); };
}

void FaultState::failed(std::string_view reason) {
  static constexpr int64_t kReminder = 300;  // seconds between two messages about a lasting failure
  count_fault(kind_);
  const uint64_t hash = hash_bytes(reason);
  const int64_t now = steady_second();
  const auto is_told = [&] {
    return failing_.load(std::memory_order_acquire) && told_.load(std::memory_order_relaxed) == hash;
  };
  const auto is_quiet = [&] { return is_told() && now < quiet_until_.load(std::memory_order_relaxed); };
  if (is_quiet()) {
    untold_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  std::string message = subject_ + ": ";
  message += reason;
  {
    const std::lock_guard lock(mutex_);
    if (is_quiet()) return;  // another thread has logged this failure meanwhile
    const uint64_t untold = untold_.exchange(0, std::memory_order_relaxed);
    if (is_told()) message += " (" + std::to_string(untold + 1) + " times since this was last logged)";
    told_.store(hash, std::memory_order_relaxed);
    quiet_until_.store(now + kReminder, std::memory_order_relaxed);
    failing_.store(true, std::memory_order_release);
  }
  tell_fault(kind_, Level::kWarning, message);
}

void FaultState::recover() {
  {
    const std::lock_guard lock(mutex_);
    if (!failing_.exchange(false, std::memory_order_relaxed)) return;
  }
  tell_fault(kind_, Level::kInfo, subject_ + ": works again");
}

}  // namespace portcullis
