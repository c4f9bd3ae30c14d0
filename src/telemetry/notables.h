#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "telemetry/story.h"
#include "telemetry/tail.h"

namespace portcullis::telemetry {

// A caller whose requests were refused by a limit.
struct Limited {
  std::string route;
  std::string who;  // a consumer's name, or an address
  const EndReason* reason = nullptr;
  uint64_t times = 0;
};

// Single requests of interest to operators: failed requests, refused ones (4xx), the slowest, callers that
// reach limits, and requests for live tails. One object per worker; it keeps the latest requests until take()
// is called. New stories overwrite old ones in place, so memory is allocated only at the beginning and after
// take().
class Notables {
 public:
  struct Batch {
    std::vector<Story> failed;
    std::vector<Story> refused;
    std::vector<Story> slow;
    std::vector<Limited> limited;
    std::vector<TailPiece> tails;
  };

  // Whether note() would keep an entry with these values. `now` is in seconds, by any steady clock.
  bool wants(uint16_t status, const EndReason& ended, std::chrono::microseconds total, int64_t now) const {
    return is_limited(status, ended) || fails(status, ended) || is_slow(ended, total, now) ||
           (is_refused(status) && wants_refused(status, ended, now)) || tails_.any();
  }
  void note(const AccessEntry& entry, int64_t now);
  // Removes and returns everything collected so far.
  Batch take();
  Tails& tails() { return tails_; }

 private:
  static bool fails(uint16_t status, const EndReason& ended);
  static bool is_limited(uint16_t status, const EndReason& ended) {
    return status == 429 || ended.limit == CallerLimit::kReached;
  }
  static bool is_refused(uint16_t status) { return status >= 400 && status < 500; }
  bool wants_refused(uint16_t status, const EndReason& ended, int64_t now) const;
  bool is_slow(const EndReason& ended, std::chrono::microseconds total, int64_t now) const {
    const bool takes_more =
        slow_.size() < kSlow || now - period_ >= kSlowPeriod || total > slow_.front().took;
    return takes_more && ended.phase != EndPhase::kTunnel;  // a tunnel lasts as long as its client wants
  }
  void note_slow(const AccessEntry& entry, int64_t now);
  void note_refused(const AccessEntry& entry, int64_t now);
  void note_limited(const AccessEntry& entry);

  static constexpr size_t kFailed = 64;
  static constexpr size_t kSlow = 16;
  static constexpr size_t kLimited = 64;
  static constexpr size_t kReasons = 16;
  static constexpr size_t kRefused = 16;          // per reason
  static constexpr uint32_t kRefusedASecond = 8;  // per reason: bounds the cost of a flood of refusals
  static constexpr int64_t kSlowPeriod = 60;      // seconds after which older slow requests are replaced

  // The latest stories.
  struct Ring {
    std::vector<Story> stories;
    size_t next = 0;
    Story& place(size_t capacity) {
      if (stories.size() < capacity) stories.resize(capacity);
      return stories[next++ % capacity];
    }
    std::vector<Story> take(size_t capacity);
  };
  // The requests refused with one status for one reason, kept separately so that a flood of one kind does not
  // displace other kinds.
  struct Refusals {
    uint64_t kind;
    int64_t second;      // second of the latest one
    uint32_t in_second;  // stories in that second
    Ring ring;
  };
  size_t place_of(uint64_t kind) const;  // index in refusals_; refusals_.size() when there is none

  const LogFormat format_{{}};
  Ring failed_;
  std::vector<Refusals> refusals_;
  Tails tails_;
  std::vector<Story> slow_;
  size_t slow_count_ = 0;  // stories since period_; they form a heap with the fastest on top
  int64_t period_ = 0;
  // The counters of "Efficient Computation of Frequent and Top-k Elements in Data Streams" (Metwally et al.):
  // a new caller takes the place, and the count, of the least frequent one.
  struct Counted {
    uint64_t hash;
    Limited limited;
  };
  std::vector<Counted> limited_;
};

}  // namespace portcullis::telemetry
