#include "cache/freshness.h"

#include <algorithm>

#include "base/text.h"
#include "http/date.h"

namespace portcullis::cache {

using http::FieldId;
using std::chrono::sys_seconds;

Age::Age(const http::Fields& response, Time asked, Time received) {
  seconds value{0};
  if (const http::Field* age = response.find(FieldId::kAge)) {
    // Of several values the first one counts; a value that is not a number is ignored.
    const std::string_view first = trim(age->value.substr(0, age->value.find(',')));
    value = http::parse_delta_seconds(first).value_or(seconds(0));
  }
  milliseconds apparent{0};
  if (const http::Field* date = response.find(FieldId::kDate)) {
    if (const auto said = http::parse_date(date->value))
      apparent = std::max<milliseconds>(apparent, std::chrono::floor<seconds>(received) - *said);
  }
  const milliseconds corrected = value + (received - asked);
  // Dates have a resolution of one second, so an apparent age below two seconds counts as 0.
  known_ = std::max(apparent < seconds(2) ? milliseconds(0) : apparent, corrected);
  born_ = received - known_;
}

milliseconds Age::at(Time moment) const {
  static constexpr seconds kTolerance{2};  // clocks are often corrected by a small amount
  const milliseconds by_day = moment - born_;
  if (by_day < -kTolerance) return kUnknown;
  const auto since = std::chrono::floor<milliseconds>(std::chrono::steady_clock::now() - known_at_);
  return std::max(by_day, known_ + since);
}

milliseconds lifetime_of(const http::ResponseHead& response, const http::CacheControl& told, bool targeted,
                         const LifetimeRules& rules, Time received) {
  if (rules.forced) return *rules.forced;
  if (told.s_maxage) return *told.s_maxage;
  if (told.max_age) return *told.max_age;
  const http::Field* date = response.fields.find(FieldId::kDate);
  const sys_seconds from = (date != nullptr ? http::parse_date(date->value) : std::nullopt)
                               .value_or(std::chrono::floor<seconds>(received));
  if (const http::Field* expires = response.fields.find(FieldId::kExpires); expires != nullptr && !targeted) {
    // An invalid date, especially 0, means a time in the past (RFC 9111 section 5.3).
    const auto at = http::parse_date(expires->value);
    return at ? std::max(*at - from, seconds(0)) : seconds(0);
  }
  if (rules.by_default) return *rules.by_default;
  if (!is_heuristically_cacheable(response.status) && !told.is_public) return seconds(0);
  const http::Field* modified = response.fields.find(FieldId::kLastModified);
  const auto at = modified != nullptr ? http::parse_date(modified->value) : std::nullopt;
  if (!at) return seconds(0);
  return std::clamp<milliseconds>((from - *at) / 10, seconds(0), std::chrono::days(1));
}

bool is_heuristically_cacheable(uint16_t status) {
  switch (status) {
    case 200:
    case 203:
    case 204:
    case 206:
    case 300:
    case 301:
    case 308:
    case 404:
    case 405:
    case 410:
    case 414:
    case 501: return true;
    default: return false;
  }
}

}  // namespace portcullis::cache
