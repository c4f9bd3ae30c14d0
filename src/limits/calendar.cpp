#include "limits/calendar.h"

#include <date/tz.h>

#include <stdexcept>

namespace portcullis::limits {
namespace {

// Midnight, or the first moment of the day where a clock change skips midnight.
std::chrono::sys_seconds begin_of(const date::time_zone& zone, date::local_days day) {
  return zone.to_sys(date::local_seconds(day), date::choose::earliest);
}

}  // namespace

bool is_time_zone(const std::string& name) {
  try {
    return date::locate_zone(name) != nullptr;
  } catch (const std::runtime_error&) {
    return false;
  }
}

CalendarWindow window_at(std::chrono::sys_seconds now, Calendar calendar, const std::string& zone_name) {
  const date::time_zone& zone = *date::locate_zone(zone_name);
  const date::local_seconds local = zone.to_local(now);
  const date::local_days today = date::floor<date::days>(local);
  switch (calendar) {
    case Calendar::kHour: {
      // Subtracts the part of the local hour that has passed, because local times repeat when clocks are set
      // back.
      const auto into = local - date::floor<std::chrono::hours>(local);
      return {now - into, now - into + std::chrono::hours(1)};
    }
    case Calendar::kDay: return {begin_of(zone, today), begin_of(zone, today + date::days(1))};
    case Calendar::kWeek: {
      const date::local_days monday = today - (date::weekday(today) - date::Monday);
      return {begin_of(zone, monday), begin_of(zone, monday + date::weeks(1))};
    }
    case Calendar::kMonth: {
      const date::year_month_day ymd(today);
      const date::year_month month = ymd.year() / ymd.month();
      return {begin_of(zone, date::local_days(month / 1)),
              begin_of(zone, date::local_days((month + date::months(1)) / 1))};
    }
  }
  return {};
}

}  // namespace portcullis::limits
