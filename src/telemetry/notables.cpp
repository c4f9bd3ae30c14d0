#include "telemetry/notables.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"

namespace portcullis::telemetry {
namespace {

bool less_slow(const Story& a, const Story& b) {
  return a.took > b.took;
}

}  // namespace

// Most requests end well: these are told apart at once.
bool Notables::fails(uint16_t status, std::string_view ended) {
  if (status == 0 || status >= 500) return true;
  if (status >= 400 || ended == "complete") return false;
  return ended.starts_with("upstream_") || ended == "send_timeout" || ended == "client_closed";
}

void Notables::tell(const AccessEntry& entry, Story& story) const {
  story.at = static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                       std::chrono::system_clock::now().time_since_epoch())
                                       .count());
  story.took = entry.total;
  story.line.clear();
  format_.write(entry, story.line);
}

void Notables::note(const AccessEntry& entry, int64_t now) {
  if (fails(entry.status, entry.ended)) {
    if (failed_.size() < kFailed) failed_.resize(kFailed);
    tell(entry, failed_[next_failed_++ % kFailed]);
  }
  if (is_slow(entry.ended, entry.total, now)) note_slow(entry, now);
  if (is_limited(entry.status, entry.ended)) note_limited(entry);
}

void Notables::note_slow(const AccessEntry& entry, int64_t now) {
  if (now - period_ >= kSlowPeriod) {
    slow_count_ = 0;
    period_ = now;
  }
  const auto begin = slow_.begin();
  if (slow_count_ == kSlow) {
    std::pop_heap(begin, begin + static_cast<ptrdiff_t>(slow_count_--), less_slow);
  } else if (slow_count_ == slow_.size()) {
    slow_.emplace_back();
  }
  tell(entry, slow_[slow_count_++]);
  std::push_heap(slow_.begin(), slow_.begin() + static_cast<ptrdiff_t>(slow_count_), less_slow);
}

void Notables::note_limited(const AccessEntry& entry) {
  const std::string_view who = entry.consumer.empty() ? entry.client : entry.consumer;
  const uint64_t hash = hash_mix(hash_bytes(who), hash_bytes(entry.route));
  const auto found = std::find_if(limited_.begin(), limited_.end(), [&](const Counted& one) {
    return one.hash == hash && one.limited.who == who && one.limited.route == entry.route;
  });
  if (found != limited_.end()) {
    ++found->limited.times;
    return;
  }
  if (limited_.size() < kLimited) {
    limited_.push_back({hash, {std::string(entry.route), std::string(who), std::string(entry.ended), 1}});
    return;
  }
  const auto least =
      std::min_element(limited_.begin(), limited_.end(),
                       [](const Counted& a, const Counted& b) { return a.limited.times < b.limited.times; });
  least->hash = hash;
  least->limited.route = entry.route;
  least->limited.who = who;
  least->limited.reason = entry.ended;
  ++least->limited.times;
}

Notables::Batch Notables::take() {
  Batch out;
  if (next_failed_ >= kFailed) {
    std::rotate(failed_.begin(), failed_.begin() + static_cast<ptrdiff_t>(next_failed_ % kFailed),
                failed_.end());
  } else {
    failed_.resize(next_failed_);
  }
  out.failed = std::exchange(failed_, {});
  next_failed_ = 0;
  slow_.resize(slow_count_);
  out.slow = std::exchange(slow_, {});
  slow_count_ = 0;
  for (Counted& one : limited_) out.limited.push_back(std::move(one.limited));
  limited_.clear();
  return out;
}

}  // namespace portcullis::telemetry
