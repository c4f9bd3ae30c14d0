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

// The current time in milliseconds, so that a lifetime of one second lasts a whole second. Any thread.
inline Time now() {
  return std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
}

// The age of a response (RFC 9111 section 4.2.3). The time since the response was received is measured by the
// wall clock and by the steady clock, and the longer one counts, so setting the wall clock back does not make
// a response younger.
class Age {
 public:
  // The age of a response that was received at a time in the future, after the clock was set back. Its age
  // and dates are not reliable, so the age exceeds every lifetime.
  static constexpr milliseconds kUnknown = http::CacheControl::kForever * 4;

  Age() = default;
  // For a response with these fields that was requested at `asked` and received at `received`, which is the
  // current time.
  Age(const http::Fields& response, Time asked, Time received);
  // For a response that another process received.
  explicit Age(Time born) : born_(born) {}

  // The age at `moment`, which must be about the current time.
  milliseconds at(Time moment) const;
  // The wall-clock time at which the age was 0.
  Time born() const { return born_; }

 private:
  Time born_{};
  std::chrono::steady_clock::time_point known_at_ = std::chrono::steady_clock::now();
  milliseconds known_{0};  // age at known_at_
};

// The configured lifetimes: for responses that state no lifetime, and instead of the stated one.
struct LifetimeRules {
  std::optional<milliseconds> forced{};      // replaces the stated lifetime
  std::optional<milliseconds> by_default{};  // for responses that state no lifetime
};

// How long a response stays fresh (section 4.2.1); estimated when the response states no lifetime (section
// 4.2.2). `told` holds the directives of Cache-Control, or of the targeted field that replaces it
// (`targeted`).
milliseconds lifetime_of(const http::ResponseHead& response, const http::CacheControl& told, bool targeted,
                         const LifetimeRules& rules, Time received);

// The statuses that may be stored without a stated lifetime (RFC 9110 section 15.1).
bool is_heuristically_cacheable(uint16_t status);

// When a stale response may be used (RFC 5861, RFC 9111 section 4.2.4).
struct Staleness {
  bool never = false;           // a stale response must always be validated first
  bool not_on_request = false;  // max-stale of a request has no effect
  std::optional<milliseconds> while_revalidating{};
  std::optional<milliseconds> if_error{};

  bool operator==(const Staleness&) const = default;
};

}  // namespace portcullis::cache
