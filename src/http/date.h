#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/arena.h"

namespace portcullis::http {

// A date of RFC 9110 section 5.6.7, in any of its three forms; nothing when it is none of them.
std::optional<std::chrono::sys_seconds> parse_date(std::string_view text);

// As RFC 3339 writes it, in UTC: 2026-11-26T12:00:00Z.
std::string write_timestamp(std::chrono::sys_seconds time);

// As IMF-fixdate, in `arena`.
std::string_view write_date(std::chrono::sys_seconds time, Arena& arena);

// The time of day as IMF-fixdate, for a Date field: written once a second by each thread. Valid until the
// thread asks again.
std::string_view current_date();

}  // namespace portcullis::http
