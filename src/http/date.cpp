#include "http/date.h"

#include <array>
#include <cstdio>

#include "base/text.h"
#include "base/wall_clock.h"

namespace portcullis::http {
namespace {

using std::chrono::sys_days;
using std::chrono::sys_seconds;

constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 7> kLongDays{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                    "Thursday", "Friday", "Saturday"};

template <size_t N>
int index_in(const std::array<std::string_view, N>& words, std::string_view word) {
  for (size_t i = 0; i < N; ++i) {
    if (words[i] == word) return static_cast<int>(i);
  }
  return -1;
}

// Matches a text piece by piece: digits are parsed, all other characters must match exactly.
class Pattern {
 public:
  explicit Pattern(std::string_view text) : rest_(text) {}

  Pattern& literal(std::string_view text) {
    ok_ = ok_ && rest_.starts_with(text);
    if (ok_) rest_.remove_prefix(text.size());
    return *this;
  }
  Pattern& digits(size_t count, int& out) {
    const auto number = parse_decimal(rest_.substr(0, count));
    ok_ = ok_ && rest_.size() >= count && number;
    if (!ok_) return *this;
    out = static_cast<int>(*number);
    rest_.remove_prefix(count);
    return *this;
  }
  Pattern& month(int& out) {
    out = index_in(kMonths, rest_.substr(0, 3)) + 1;
    ok_ = ok_ && out > 0;
    if (ok_) rest_.remove_prefix(3);
    return *this;
  }
  // "08:49:37"
  Pattern& time(int& hour, int& minute, int& second) {
    return digits(2, hour).literal(":").digits(2, minute).literal(":").digits(2, second);
  }
  bool done() const { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

// A year such as "94" is in this century unless that would be more than 50 years in the future.
int full_year(int two_digits) {
  const auto today = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
  const int now = static_cast<int>(std::chrono::year_month_day(today).year());
  const int year = now - now % 100 + two_digits;
  return year > now + 50 ? year - 100 : year;
}

}  // namespace

std::optional<sys_seconds> parse_date(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  const size_t comma = text.find(',');
  if (comma == 3 && index_in(kDays, text.substr(0, 3)) >= 0) {
    // Sun, 06 Nov 1994 08:49:37 GMT
    Pattern pattern(text.substr(4));
    pattern.literal(" ").digits(2, day).literal(" ").month(month).literal(" ").digits(4, year).literal(" ");
    if (!pattern.time(hour, minute, second).literal(" GMT").done()) return std::nullopt;
  } else if (comma != std::string_view::npos) {
    // Sunday, 06-Nov-94 08:49:37 GMT
    if (index_in(kLongDays, text.substr(0, comma)) < 0) return std::nullopt;
    Pattern pattern(text.substr(comma + 1));
    pattern.literal(" ").digits(2, day).literal("-").month(month).literal("-").digits(2, year).literal(" ");
    if (!pattern.time(hour, minute, second).literal(" GMT").done()) return std::nullopt;
    year = full_year(year);
  } else {
    // Sun Nov  6 08:49:37 1994
    if (text.size() != 24 || index_in(kDays, text.substr(0, 3)) < 0) return std::nullopt;
    Pattern pattern(text.substr(3));
    pattern.literal(" ").month(month).literal(" ");
    text[8] == ' ' ? pattern.literal(" ").digits(1, day) : pattern.digits(2, day);
    if (!pattern.literal(" ").time(hour, minute, second).literal(" ").digits(4, year).done())
      return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  // 60 is a leap second.
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second);
}

std::string write_timestamp(sys_seconds time) {
  const sys_days day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text;
}

namespace {

constexpr size_t kImfFixdateSize = 29;

void write_imf_fixdate(sys_seconds time, char (&text)[64]) {
  const sys_days day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  std::snprintf(text, sizeof text, "%s, %02u %s %04d %02d:%02d:%02d GMT",
                kDays[std::chrono::weekday(day).c_encoding()].data(), static_cast<unsigned>(date.day()),
                kMonths[static_cast<unsigned>(date.month()) - 1].data(), static_cast<int>(date.year()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
}

}  // namespace

std::string_view write_date(sys_seconds time, Arena& arena) {
  char text[64];
  write_imf_fixdate(time, text);
  return arena.copy({text, kImfFixdateSize});
}

std::string_view current_date() {
  thread_local sys_seconds written{std::chrono::seconds(-1)};
  thread_local char text[64];
  if (const sys_seconds now = current_second(); now != written) {
    write_imf_fixdate(now, text);
    written = now;
  }
  return {text, kImfFixdateSize};
}

}  // namespace portcullis::http
