#pragma once

#include <string>

namespace portcullis::config {

// What a value that the schema does not take is likely to mean, written as the schema takes it: a slip, or
// the way in which another product writes it. Each function returns "" when it knows nothing likely. Whether
// the result is itself a good value, the caller must check.
std::string likely_boolean(const std::string& text);   // yes, On, TRUE, 1
std::string likely_duration(const std::string& text);  // 30, 0.5s, 1m30s, 7d, "5 sec"
std::string likely_integer(const std::string& text);   // 1_000, 1,000, 10.0
std::string likely_percent(const std::string& text);   // 20, 0.2, "20 %"
std::string likely_rate(const std::string& text);      // 100, 100/Min, 10r/s, "100 / hours"
std::string likely_size(const std::string& text);      // 64M, 64mb, "64 MiB"

}  // namespace portcullis::config
