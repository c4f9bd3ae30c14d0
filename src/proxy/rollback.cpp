#include "proxy/rollback.h"

#include <limits>

#include "base/percent.h"
#include "base/say.h"

namespace portcullis::proxy {

constexpr auto kRelaxed = std::memory_order_relaxed;

void Rollback::begin_interval(Clock::time_point now) {
  int64_t began = interval_began_.load(kRelaxed);
  const int64_t current = now.time_since_epoch().count();
  if (current - began < Clock::duration(rules_.interval).count()) return;
  if (!interval_began_.compare_exchange_strong(began, current, kRelaxed)) return;  // another worker was first
  requests_.store(0, kRelaxed);
  failures_.store(0, kRelaxed);
}

void Rollback::note(uint16_t status, bool cut_off, Clock::time_point now) {
  if (is_out(now)) return;  // requests that began before the branch was taken out do not count
  begin_interval(now);
  const uint64_t requests = requests_.fetch_add(1, kRelaxed) + 1;
  const bool failed = cut_off || contains(rules_.status, status);
  const uint64_t failures = failed ? failures_.fetch_add(1, kRelaxed) + 1 : failures_.load(kRelaxed);
  if (requests < rules_.min_requests || failures == 0 ||
      static_cast<double>(failures) < share_of(rules_.error_share) * static_cast<double>(requests))
    return;
  const int64_t until = rules_.hold.count() == 0 ? std::numeric_limits<int64_t>::max()
                                                 : (now + rules_.hold).time_since_epoch().count();
  int64_t before = out_until_.load(kRelaxed);
  if (before > now.time_since_epoch().count() || !out_until_.compare_exchange_strong(before, until, kRelaxed))
    return;
  times_.fetch_add(1, kRelaxed);
  interval_began_.store(0, kRelaxed);  // the next counted request begins a new interval
  // Writing the message may block, but happens only once per rollback.

  say(Level::kWarning, label_ + " is rolled back: " + std::to_string(failures) + " of " +
                           std::to_string(requests) + " requests have failed");
}

void Rollback::resume() {
  out_until_.store(0, kRelaxed);
  interval_began_.store(0, kRelaxed);
}

}  // namespace portcullis::proxy
