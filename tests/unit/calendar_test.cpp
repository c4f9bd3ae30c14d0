#include "limits/calendar.h"

#include <gtest/gtest.h>

#include <ctime>

namespace portcullis::limits {
namespace {

std::chrono::sys_seconds at(const char* text) {
  tm parts{};
  ::strptime(text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return std::chrono::sys_seconds(std::chrono::seconds(::timegm(&parts)));
}

void expect(const char* now, Calendar calendar, const char* zone, const char* begin, const char* end) {
  const CalendarWindow window = window_at(at(now), calendar, zone);
  EXPECT_EQ(window.begin, at(begin)) << now << " " << zone;
  EXPECT_EQ(window.end, at(end)) << now << " " << zone;
  EXPECT_TRUE(window.holds(at(now)));
  EXPECT_FALSE(window.holds(window.end));
}

TEST(CalendarTest, WindowsFollowTheCalendar) {
  expect("2026-11-24T23:59:59Z", Calendar::kHour, "UTC", "2026-11-24T23:00:00Z", "2026-11-25T00:00:00Z");
  expect("2026-11-24T00:00:00Z", Calendar::kDay, "UTC", "2026-11-24T00:00:00Z", "2026-11-25T00:00:00Z");
  expect("2026-11-29T12:00:00Z", Calendar::kWeek, "UTC", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z");
  expect("2024-02-29T12:00:00Z", Calendar::kMonth, "UTC", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z");
  expect("2026-12-31T23:59:59Z", Calendar::kMonth, "UTC", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z");
}

TEST(CalendarTest, ZonesHaveTheirOwnDays) {
  expect("2026-11-30T23:30:00Z", Calendar::kMonth, "Europe/Berlin", "2026-11-30T23:00:00Z",
         "2026-12-31T23:00:00Z");
  expect("2026-11-24T03:00:00Z", Calendar::kDay, "America/New_York", "2026-11-23T05:00:00Z",
         "2026-11-24T05:00:00Z");
  expect("2026-11-24T18:00:00Z", Calendar::kHour, "Asia/Kolkata", "2026-11-24T17:30:00Z",
         "2026-11-24T18:30:00Z");
}

TEST(CalendarTest, DaysOnWhichClocksChangeAreLongerOrShorter) {
  expect("2026-03-29T12:00:00Z", Calendar::kDay, "Europe/Berlin", "2026-03-28T23:00:00Z",
         "2026-03-29T22:00:00Z");
  expect("2026-10-25T12:00:00Z", Calendar::kDay, "Europe/Berlin", "2026-10-24T22:00:00Z",
         "2026-10-25T23:00:00Z");
  // A day whose midnight is skipped.
  expect("2018-11-04T12:00:00Z", Calendar::kDay, "America/Sao_Paulo", "2018-11-04T03:00:00Z",
         "2018-11-05T02:00:00Z");
}

TEST(CalendarTest, ZonesAreKnownByTheirNames) {
  EXPECT_TRUE(is_time_zone("UTC"));
  EXPECT_TRUE(is_time_zone("Asia/Tokyo"));
  EXPECT_FALSE(is_time_zone("Europe/Berlinn"));
  EXPECT_FALSE(is_time_zone(""));
}

}  // namespace
}  // namespace portcullis::limits
