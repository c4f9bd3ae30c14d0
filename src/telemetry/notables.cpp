#include "telemetry/notables.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"

namespace portcullis::telemetry {
namespace {

// Identifies requests that were refused with the same status for the same reason.
uint64_t kind_of(uint16_t status, const EndReason& ended) {
  return hash_mix(hash_bytes(ended.name), status);
}

bool less_slow(const Story& a, const Story& b) {
  return a.took > b.took;
}

}  // namespace

// Most requests succeed, and are recognised first. A gRPC call's status does not show a failure: such a
// request has failed when its target did not answer completely, or its client did not receive the whole
// answer.
bool Notables::fails(uint16_t status, const EndReason& ended) {
  if (status == 0 || status >= 500) return true;
  if (status >= 400 || &ended == &kEnds.complete) return false;
  if (ended.ended_by == EndedBy::kTarget) return true;
  return ended.ended_by == EndedBy::kClient &&
         (ended.phase == EndPhase::kBody || ended.phase == EndPhase::kAny);
}

std::vector<Story> Notables::Ring::take(size_t capacity) {
  if (next >= capacity) {
    std::rotate(stories.begin(), stories.begin() + static_cast<ptrdiff_t>(next % capacity), stories.end());
  } else {
    stories.resize(next);
  }
  next = 0;
  return std::exchange(stories, {});
}

void Notables::note(const AccessEntry& entry, int64_t now) {
  if (fails(entry.status, *entry.ended)) {
    tell_story(format_, entry, failed_.place(kFailed));
  }
  if (is_refused(entry.status)) note_refused(entry, now);
  if (is_slow(*entry.ended, entry.total, now)) note_slow(entry, now);
  if (is_limited(entry.status, *entry.ended)) note_limited(entry);
  tails_.note(format_, entry);
}

size_t Notables::place_of(uint64_t kind) const {
  const auto found = std::find_if(refusals_.begin(), refusals_.end(),
                                  [kind](const Refusals& one) { return one.kind == kind; });
  return static_cast<size_t>(found - refusals_.begin());
}

bool Notables::wants_refused(uint16_t status, const EndReason& ended, int64_t now) const {
  const size_t place = place_of(kind_of(status, ended));
  return place == refusals_.size() || refusals_[place].second != now ||
         refusals_[place].in_second < kRefusedASecond;
}

void Notables::note_refused(const AccessEntry& entry, int64_t now) {
  const uint64_t kind = kind_of(entry.status, *entry.ended);
  size_t place = place_of(kind);
  if (place == refusals_.size() && place < kReasons) {
    refusals_.push_back({kind, now, 0, {}});
  } else if (place == refusals_.size()) {
    // The kind that has not occurred for the longest time is replaced.
    const auto oldest =
        std::min_element(refusals_.begin(), refusals_.end(),
                         [](const Refusals& a, const Refusals& b) { return a.second < b.second; });
    place = static_cast<size_t>(oldest - refusals_.begin());
    oldest->kind = kind;
    oldest->ring.next = 0;
  }
  Refusals& known = refusals_[place];
  if (std::exchange(known.second, now) != now) known.in_second = 0;
  if (known.in_second++ >= kRefusedASecond) return;
  Story& story = known.ring.place(kRefused);
  tell_story(format_, entry, story);
  story.kind = kind;
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
  tell_story(format_, entry, slow_[slow_count_++]);
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
    limited_.push_back({hash, {std::string(entry.route), std::string(who), entry.ended, 1}});
    return;
  }
  const auto min = std::min_element(limited_.begin(), limited_.end(), [](const Counted& a, const Counted& b) {
    return a.limited.times < b.limited.times;
  });
  min->hash = hash;
  min->limited.route = entry.route;
  min->limited.who = who;
  min->limited.reason = entry.ended;
  ++min->limited.times;
}

Notables::Batch Notables::take() {
  Batch out;
  out.failed = failed_.take(kFailed);
  for (Refusals& one : refusals_) {
    for (Story& story : one.ring.take(kRefused)) out.refused.push_back(std::move(story));
  }
  out.tails = tails_.take();
  slow_.resize(slow_count_);
  out.slow = std::exchange(slow_, {});
  slow_count_ = 0;
  for (Counted& one : limited_) out.limited.push_back(std::move(one.limited));
  limited_.clear();
  return out;
}

}  // namespace portcullis::telemetry
