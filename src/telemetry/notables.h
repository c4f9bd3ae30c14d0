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

// Somebody whom limits have turned away.
struct Limited {
  std::string route;
  std::string who;  // a consumer's name, or an address
  const EndReason* reason = nullptr;
  uint64_t times = 0;
};

// What operators want to see of single requests: those that failed, those that were refused (4xx), the
// slowest, who is being limited, and what live tails ask for. One worker's; it keeps the latest of what
// nobody has taken yet. What is kept is copied to where what it replaces was: memory is taken only in the
// beginning, and after somebody has looked.
class Notables {
 public:
  struct Batch {
    std::vector<Story> failed;
    std::vector<Story> refused;
    std::vector<Story> slow;
    std::vector<Limited> limited;
    std::vector<TailPiece> tails;
  };

  // Whether note() would keep an entry with these. `now`: any clock that goes on, in seconds.
  bool wants(uint16_t status, const EndReason& ended, std::chrono::microseconds total, int64_t now) const {
    return is_limited(status, ended) || fails(status, ended) || is_slow(ended, total, now) ||
           (is_refused(status) && wants_refused(status, ended, now)) || tails_.any();
  }
  void note(const AccessEntry& entry, int64_t now);
  // All there is, once.
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
    return takes_more && ended.phase != EndPhase::kTunnel;  // which lasts as long as its client wants
  }
  void note_slow(const AccessEntry& entry, int64_t now);
  void note_refused(const AccessEntry& entry, int64_t now);
  void note_limited(const AccessEntry& entry);

  static constexpr size_t kFailed = 64;
  static constexpr size_t kSlow = 16;
  static constexpr size_t kLimited = 64;
  static constexpr size_t kReasons = 16;
  static constexpr size_t kRefused = 16;          // of each reason
  static constexpr uint32_t kRefusedASecond = 8;  // likewise: a flood of refusals costs no more than that
  static constexpr int64_t kSlowPeriod = 60;      // seconds: then what was slow once makes place for others

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
  // Of the requests that were refused with one status for one reason, so that a flood of one kind does not
  // push those of the others out.
  struct Refusals {
    uint64_t kind;
    int64_t second;      // of the last one
    uint32_t in_second;  // how many have been told
    Ring ring;
  };
  size_t place_of(uint64_t kind) const;  // in refusals_; beyond its end when there is none

  const LogFormat format_{{}};
  Ring failed_;
  std::vector<Refusals> refusals_;
  Tails tails_;
  std::vector<Story> slow_;
  size_t slow_count_ = 0;  // since period_: so many of them are a heap with the least slow first
  int64_t period_ = 0;
  // The counters of "Efficient Computation of Frequent and Top-k Elements in Data Streams" (Metwally et al.):
  // who is new takes the place, and the count, of who was met least.
  struct Counted {
    uint64_t hash;
    Limited limited;
  };
  std::vector<Counted> limited_;
};

}  // namespace portcullis::telemetry
