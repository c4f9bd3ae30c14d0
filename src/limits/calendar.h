#pragma once

#include <array>
#include <chrono>
#include <string>

#include "base/enum_names.h"

namespace portcullis::limits {

enum class Calendar { kHour, kDay, kWeek, kMonth };
constexpr auto names_of(Calendar) {
  return std::to_array<EnumName<Calendar>>({{Calendar::kHour, "hour"},
                                            {Calendar::kDay, "day"},
                                            {Calendar::kWeek, "week"},
                                            {Calendar::kMonth, "month"}});
}

// A period of the calendar, in UTC: an hour, a day, a week or a month.
struct CalendarWindow {
  std::chrono::sys_seconds begin{};
  std::chrono::sys_seconds end{};

  bool holds(std::chrono::sys_seconds now) const { return now >= begin && now < end; }
};

// The hour, day, week (from Monday) or month that contains `now` in a time zone of the IANA database (by the
// date library). A day on which clocks change has 23 or 25 hours. The zone must have passed is_time_zone().
// Any thread.
CalendarWindow window_at(std::chrono::sys_seconds now, Calendar calendar, const std::string& zone);

// True for a time zone that this machine knows: "UTC", "Europe/Berlin", ...
bool is_time_zone(const std::string& name);

}  // namespace portcullis::limits
