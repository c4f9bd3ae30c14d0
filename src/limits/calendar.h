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

// A stretch of the calendar, in UTC.
struct CalendarWindow {
  std::chrono::sys_seconds begin{};
  std::chrono::sys_seconds end{};

  bool holds(std::chrono::sys_seconds now) const { return now >= begin && now < end; }
};

// The hour, day, week (from Monday) or month of `now` in a time zone, by the IANA's rules (through the date
// library): a day on which clocks change has 23 or 25 hours. The zone must have passed is_time_zone(). Any
// thread.
CalendarWindow window_at(std::chrono::sys_seconds now, Calendar calendar, const std::string& zone);

// "UTC", "Europe/Berlin", ... that this machine knows.
bool is_time_zone(const std::string& name);

}  // namespace portcullis::limits
