#include "upstream/health.h"

#include <algorithm>

#include "base/faults.h"
#include "base/percent.h"

namespace portcullis::upstream {

void TargetHealth::set_up(bool up, Clock::time_point now, std::string why) {
  why_ = std::move(why);
  const bool was_down = set_out(kDown, !up);
  if (up && was_down) {
    available_since_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
    failures_in_row_.store(0, std::memory_order_relaxed);
  }
}

std::shared_ptr<TargetHealth> UpstreamHealth::of(const std::string& address) {
  const std::lock_guard lock(mutex_);
  std::weak_ptr<TargetHealth>& place = targets_[address];
  std::shared_ptr<TargetHealth> found = place.lock();
  if (!found) {
    found = std::make_shared<TargetHealth>(address);
    place = found;
    std::erase_if(targets_, [](const auto& one) { return one.second.expired(); });
  }
  return found;
}

std::vector<std::shared_ptr<TargetHealth>> UpstreamHealth::members() {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<TargetHealth>> out;
  for (const auto& [address, target] : targets_) {
    if (auto alive = target.lock()) out.push_back(std::move(alive));
  }
  return out;
}

void UpstreamHealth::note_failure(TargetHealth& target, const EjectionRules& rules, Clock::time_point now) {
  if (rules.judges_intervals()) target.failed_.fetch_add(1, std::memory_order_relaxed);
  if (rules.failures_in_row == 0) return;
  if (target.failures_in_row_.fetch_add(1, std::memory_order_relaxed) + 1 < rules.failures_in_row) return;
  if (!target.ejected(now)) eject(target, rules, now, "");
}

// `why` is the reason for an interval's ejection; empty: consecutive failures. False when too many targets
// are ejected already.
bool UpstreamHealth::eject(TargetHealth& target, const EjectionRules& rules, Clock::time_point now,
                           std::string why) {
  const std::lock_guard lock(mutex_);
  size_t all = 0, ejected = 0;
  for (const auto& [address, one] : targets_) {
    const auto alive = one.lock();
    if (!alive || alive->drained()) continue;
    ++all;
    ejected += alive->ejected(now);
  }
  if (target.ejected(now)) return true;  // another worker has ejected the target
  if (ejected > 0 &&
      static_cast<double>(ejected + 1) > share_of(rules.max_ejected) * static_cast<double>(all))
    return false;
  const uint32_t times = std::min<uint32_t>(++target.in_row_, 1'000);
  target.ejection_ = std::min<Milliseconds>(rules.ejection * times, rules.max_ejection);
  const Clock::time_point until = now + target.ejection_;
  target.failures_in_row_.store(0, std::memory_order_relaxed);
  target.available_since_.store(until.time_since_epoch().count(), std::memory_order_relaxed);
  target.ejected_until_.store(until.time_since_epoch().count(), std::memory_order_relaxed);
  target.ejected_for_ = !why.empty() ? std::move(why)
                        : rules.failures_in_row == 1
                            ? "a request failed"
                            : std::to_string(rules.failures_in_row) + " requests in a row failed";
  target.ejections_.fetch_add(1, std::memory_order_relaxed);
  ejections_.fetch_add(1, std::memory_order_release);
  count_fault(Fault::kTargetEjected);
  return true;
}

std::vector<UpstreamHealth::EjectionNews> UpstreamHealth::take_news(Clock::time_point now) {
  std::vector<EjectionNews> out;
  const uint64_t ejections = ejections_.load(std::memory_order_acquire);
  if (ejections != told_ejections_) {
    told_ejections_ = ejections;
    for (const auto& target : members()) {
      const uint64_t its = target->ejections_.load(std::memory_order_relaxed);
      if (its == target->told_ejections_) continue;
      target->told_ejections_ = its;
      const std::lock_guard lock(mutex_);
      out.push_back({target->address(), true, target->ejected_for_, target->ejection_});
      if (!std::exchange(target->told_ejected_, true)) ends_to_tell_.push_back(target);
    }
  }
  std::erase_if(ends_to_tell_, [&](const std::weak_ptr<TargetHealth>& one) {
    const auto target = one.lock();
    if (target && target->ejected(now)) return false;
    if (!target) return true;  // the target has been removed meanwhile
    target->told_ejected_ = false;
    out.push_back({target->address(), false});
    return true;
  });
  return out;
}

void UpstreamHealth::judge(const EjectionRules& rules, Clock::time_point now) {
  struct Count {
    std::shared_ptr<TargetHealth> target;
    uint64_t answered, failed;
    double latency;  // mean in microseconds
  };
  std::vector<Count> counts;
  for (const auto& target : members()) {
    const uint64_t answered = target->answered_.exchange(0), failed = target->failed_.exchange(0);
    const auto latency = static_cast<double>(target->latency_.exchange(0));
    counts.push_back({target, answered, failed, answered == 0 ? 0 : latency / static_cast<double>(answered)});
  }
  std::vector<double> latencies;
  for (const Count& one : counts) {
    if (one.answered >= rules.min_requests && !one.target->ejected(now)) latencies.push_back(one.latency);
  }
  std::sort(latencies.begin(), latencies.end());
  // The lower median, so that with few targets the slow target itself is not the reference.
  const double usual = latencies.empty() ? 0 : latencies[(latencies.size() - 1) / 2];
  for (const Count& one : counts) {
    if (one.target->ejected(now)) continue;
    const uint64_t all = one.answered + one.failed;
    const double share = all == 0 ? 0 : static_cast<double>(one.failed) / static_cast<double>(all);
    std::string why;
    if (rules.error_share > 0 && all >= rules.min_requests && share >= share_of(rules.error_share))
      why = std::to_string(one.failed) + " of " + std::to_string(all) + " requests failed";
    if (rules.slowness > 0 && one.answered >= rules.min_requests && latencies.size() > 1 &&
        one.latency > static_cast<double>(rules.slowness) * usual)
      why = "it takes " + std::to_string(static_cast<uint64_t>(one.latency)) + " us, others " +
            std::to_string(static_cast<uint64_t>(usual));
    if (!why.empty()) {
      eject(*one.target, rules, now, std::move(why));
      continue;
    }
    const std::lock_guard lock(mutex_);
    if (one.target->in_row_ > 0)
      --one.target->in_row_;  // an interval without ejection reduces the next ejection's length
  }
}

std::shared_ptr<TargetHealth> UpstreamHealth::find(const std::string& address) {
  const std::lock_guard lock(mutex_);
  const auto found = targets_.find(address);
  return found != targets_.end() ? found->second.lock() : nullptr;
}

bool UpstreamHealth::resume(const std::string& address, Clock::time_point now) {
  const std::shared_ptr<TargetHealth> target = find(address);
  if (!target) return false;
  const std::lock_guard lock(mutex_);
  target->in_row_ = 0;
  target->failures_in_row_.store(0, std::memory_order_relaxed);
  if (!target->ejected(now)) return true;
  target->available_since_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  target->ejected_until_.store(0, std::memory_order_relaxed);
  return true;
}

bool UpstreamHealth::set_drained(const std::string& address, bool drained, Clock::time_point now) {
  const std::shared_ptr<TargetHealth> target = find(address);
  if (!target) return false;
  // A target that returns starts slowly, if its upstream has a slow start.
  if (target->set_out(TargetHealth::kDrained, drained) && !drained)
    target->available_since_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  return true;
}

void UpstreamHealth::append_states(const std::string& upstream, Clock::time_point now,
                                   std::vector<telemetry::TargetState>& out) {
  for (const auto& target : members()) {
    const bool ejected = target->ejected(now);
    std::string why = target->why_;
    Clock::duration left{};
    if (ejected && target->up()) {
      const std::lock_guard lock(mutex_);
      why = target->ejected_for_;
    }
    if (ejected)
      left = Clock::duration(target->ejected_until_.load(std::memory_order_relaxed)) - now.time_since_epoch();
    out.push_back({upstream, target->address(), target->up(), ejected, target->drained(), std::move(why),
                   std::chrono::duration_cast<std::chrono::milliseconds>(left),
                   target->ejections_.load(std::memory_order_relaxed),
                   target->checks_passed_.load(std::memory_order_relaxed),
                   target->checks_failed_.load(std::memory_order_relaxed)});
  }
}

}  // namespace portcullis::upstream
