#pragma once

#include <string>

namespace portcullis::config {

// Guesses the meaning of a value that the schema does not accept, for example a typing mistake or another
// product's notation. Each function returns the value in the notation of the schema, or "" without a likely
// guess. The caller must check whether the result is valid.
std::string likely_boolean(const std::string& text);   // yes, On, TRUE, 1
std::string likely_duration(const std::string& text);  // 30, 0.5s, 1m30s, 7d, "5 sec"
std::string likely_integer(const std::string& text);   // 1_000, 1,000, 10.0
std::string likely_percent(const std::string& text);   // 20, 0.2, "20 %"
std::string likely_rate(const std::string& text);      // 100, 100/Min, 10r/s, "100 / hours"
std::string likely_size(const std::string& text);      // 64M, 64mb, "64 MiB"

}  // namespace portcullis::config
