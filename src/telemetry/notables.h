#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "telemetry/log_format.h"

namespace portcullis::telemetry {

// One request, told whole.
struct Story {
  uint64_t at = 0;  // milliseconds since 1970, when it ended
  std::chrono::microseconds took{0};
  std::string line;  // as the access log's JSON
};

// Somebody whom limits have turned away.
struct Limited {
  std::string route;
  std::string who;     // a consumer's name, or an address
  std::string reason;  // as the log has it
  uint64_t times = 0;
};

// What operators want to see of single requests: those that failed, the slowest, and who is being limited.
// One worker's; it keeps the latest of what nobody has taken yet. What is kept is copied to where what it
// replaces was: memory is taken only in the beginning, and after somebody has looked.
class Notables {
 public:
  struct Batch {
    std::vector<Story> failed;
    std::vector<Story> slow;
    std::vector<Limited> limited;
  };

  // Whether note() would keep an entry with these. `now`: any clock that goes on, in seconds.
  bool wants(uint16_t status, std::string_view ended, std::chrono::microseconds total, int64_t now) const {
    return is_limited(status, ended) || fails(status, ended) || is_slow(ended, total, now);
  }
  void note(const AccessEntry& entry, int64_t now);
  // All there is, once.
  Batch take();

 private:
  static bool fails(uint16_t status, std::string_view ended);
  static bool is_limited(uint16_t status, std::string_view ended) {
    return status == 429 || (status == 503 && ended.starts_with("concurrency_"));
  }
  bool is_slow(std::string_view ended, std::chrono::microseconds total, int64_t now) const {
    const bool takes_more =
        slow_.size() < kSlow || now - period_ >= kSlowPeriod || total > slow_.front().took;
    return takes_more && !ended.starts_with("tunnel_");  // which last as long as their client wants
  }
  void note_slow(const AccessEntry& entry, int64_t now);
  void note_limited(const AccessEntry& entry);
  void tell(const AccessEntry& entry, Story& story) const;

  static constexpr size_t kFailed = 64;
  static constexpr size_t kSlow = 16;
  static constexpr size_t kLimited = 64;
  static constexpr int64_t kSlowPeriod = 60;  // seconds: then what was slow once makes place for others

  const LogFormat format_{{}};
  std::vector<Story> failed_;  // a ring
  size_t next_failed_ = 0;
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
