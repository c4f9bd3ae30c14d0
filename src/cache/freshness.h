#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "http/cache_control.h"
#include "http/message.h"

namespace portcullis::cache {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Time = std::chrono::sys_time<milliseconds>;

// What the time of day is, to the millisecond: a lifetime of one second is to last for one. Any thread.
inline Time now() {
  return std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
}

// How old a response is (RFC 9111 section 4.2.3). The time since it has come is told by the clock that knows
// the time of day and by the one that only goes forward; the later one counts. So a clock that is set back
// makes nothing younger.
class Age {
 public:
  // Of a response from a time of day that is still to come: its age, and what was made of its dates, cannot
  // be believed. It is longer than any lifetime.
  static constexpr milliseconds kUnknown = http::CacheControl::kForever * 4;

  Age() = default;
  // Of one that was asked for at `asked` and has come at `received`, which is now, with these fields.
  Age(const http::Fields& response, Time asked, Time received);
  // Of one that another process has received.
  explicit Age(Time born) : born_(born) {}

  // `moment` is now, or soon.
  milliseconds at(Time moment) const;
  // The time of day at which its age was nothing.
  Time born() const { return born_; }

 private:
  Time born_{};
  std::chrono::steady_clock::time_point known_at_ = std::chrono::steady_clock::now();
  milliseconds known_{0};  // how old it was then
};

// For responses that do not say how long they are fresh, and in place of what they say.
struct LifetimeRules {
  std::optional<milliseconds> forced{};      // whatever they say
  std::optional<milliseconds> by_default{};  // of those that say nothing
};

// How long a response stays fresh (section 4.2.1); heuristically where it says nothing (section 4.2.2).
// `told` is what its Cache-Control says, or what stands in that one's place (`targeted`).
milliseconds lifetime_of(const http::ResponseHead& response, const http::CacheControl& told, bool targeted,
                         const LifetimeRules& rules, Time received);

// The statuses that may be kept without being told for how long (RFC 9110 section 15.1).
bool is_heuristically_cacheable(uint16_t status);

// Until when a stale response may be used (RFC 5861, RFC 9111 section 4.2.4).
struct Staleness {
  bool never = false;           // must be validated first
  bool not_on_request = false;  // not because a client would take it
  std::optional<milliseconds> while_revalidating{};
  std::optional<milliseconds> if_error{};

  bool operator==(const Staleness&) const = default;
};

}  // namespace portcullis::cache
