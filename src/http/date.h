#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/arena.h"

namespace portcullis::http {

// Parses an HTTP date (RFC 9110 section 5.6.7) in any of its three formats; empty for other texts.
std::optional<std::chrono::sys_seconds> parse_date(std::string_view text);

// The time in the format of RFC 3339, in UTC: 2026-11-26T12:00:00Z.
std::string write_timestamp(std::chrono::sys_seconds time);

// The time as IMF-fixdate, in `arena`.
std::string_view write_date(std::chrono::sys_seconds time, Arena& arena);

// The current time as IMF-fixdate, for a Date field. Each thread formats it once per second. The view is
// valid until the thread's next call.
std::string_view current_date();

}  // namespace portcullis::http
