#include "config/likely_value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <optional>
#include <string_view>

#include "base/text.h"

namespace portcullis::config {
namespace {

constexpr std::string_view kDigits = "0123456789";

// `text` in lower case and without spaces.
std::string squeezed(const std::string& text) {
  std::string out = to_lower(text);
  std::erase(out, ' ');
  return out;
}

// Removes a number such as 1.5 from the beginning of `text` and returns it.
std::optional<double> take_number(std::string_view& text) {
  const size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  double number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + end, number);
  if (error != std::errc{} || rest != text.data() + end) return std::nullopt;
  text.remove_prefix(end);
  return number;
}

// The milliseconds in a unit of time such as "min" or "seconds"; an empty word means seconds.
std::optional<double> milliseconds_of(std::string_view word) {
  struct Word {
    std::string_view name;
    double milliseconds;
  };
  constexpr double kSecond = 1000, kMinute = 60 * kSecond, kHour = 60 * kMinute, kDay = 24 * kHour;
  static constexpr Word kWords[] = {
      {"ms", 1},           {"msec", 1},      {"milli", 1},        {"millisecond", 1}, {"", kSecond},
      {"s", kSecond},      {"sec", kSecond}, {"second", kSecond}, {"m", kMinute},     {"min", kMinute},
      {"minute", kMinute}, {"h", kHour},     {"hr", kHour},       {"hour", kHour},    {"d", kDay},
      {"day", kDay},       {"w", 7 * kDay},  {"week", 7 * kDay}};
  if (word.size() > 2 && word.ends_with('s')) word.remove_suffix(1);  // the plural
  const auto found = std::find_if(std::begin(kWords), std::end(kWords),
                                  [word](const Word& one) { return one.name == word; });
  return found == std::end(kWords) ? std::nullopt : std::optional(found->milliseconds);
}

// Writes the duration in the largest unit in which it is a whole number.
std::string write_duration(uint64_t milliseconds) {
  struct Part {
    const char* unit;
    uint64_t size;
  };
  static constexpr Part kParts[] = {{"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}};
  if (milliseconds == 0) return "0s";
  const auto part = std::find_if(std::begin(kParts), std::end(kParts),
                                 [milliseconds](const Part& one) { return milliseconds % one.size == 0; });
  return std::to_string(milliseconds / part->size) + part->unit;
}

}  // namespace

std::string likely_boolean(const std::string& text) {
  const std::string plain = squeezed(text);
  for (const std::string_view yes : {"true", "yes", "on", "y", "1", "enabled"}) {
    if (plain == yes) return "true";
  }
  for (const std::string_view no : {"false", "no", "off", "n", "0", "disabled"}) {
    if (plain == no) return "false";
  }
  return "";
}

std::string likely_duration(const std::string& text) {
  const std::string plain = squeezed(text);
  double whole = 0;
  for (std::string_view rest = plain; !rest.empty();) {
    const auto number = take_number(rest);
    if (!number) return "";
    const size_t end = std::min(rest.find_first_of(kDigits), rest.size());
    const auto unit = milliseconds_of(rest.substr(0, end));
    if (!unit) return "";
    whole += *number * *unit;
    rest.remove_prefix(end);
  }
  constexpr double kMaxMilliseconds = 1e15;
  if (plain.empty() || whole > kMaxMilliseconds || std::abs(whole - std::round(whole)) > 1e-6) return "";
  return write_duration(static_cast<uint64_t>(std::llround(whole)));
}

std::string likely_integer(const std::string& text) {
  std::string plain = squeezed(text);
  std::erase_if(plain, [](char c) { return c == '_' || c == ',' || c == '%'; });
  if (plain.ends_with(".0")) plain.resize(plain.size() - 2);
  while (plain.size() > 1 && plain[0] == '0') plain.erase(0, 1);
  return plain;
}

std::string likely_percent(const std::string& text) {
  const std::string plain = squeezed(text);
  const bool is_percent = plain.ends_with('%');
  std::string_view rest = std::string_view(plain).substr(0, plain.size() - (is_percent ? 1 : 0));
  const auto number = take_number(rest);
  if (!number || !rest.empty()) return "";
  const bool is_part = !is_percent && *number > 0 && *number < 1;
  char out[32];
  std::snprintf(out, sizeof out, "%.10g%%", is_part ? *number * 100 : *number);
  return out;
}

std::string likely_rate(const std::string& text) {
  std::string plain = squeezed(text);
  if (const size_t per = plain.find("per"); per != std::string::npos) plain.replace(per, 3, "/");
  const size_t slash = std::min(plain.find('/'), plain.size());
  const size_t digits = std::min(plain.find_first_not_of(kDigits), plain.size());
  const std::string_view counted = std::string_view(plain).substr(digits, slash - std::min(slash, digits));
  if (digits == 0 || !(counted.empty() || std::string_view("requests").starts_with(counted) ||
                       std::string_view("reqs").starts_with(counted)))
    return "";
  const std::string amount = plain.substr(0, digits) + "/";
  if (slash == plain.size()) return amount + "min";
  const std::string period = plain.substr(slash + 1);
  const size_t unit = std::min(period.find_first_not_of(kDigits), period.size());
  const auto near = nearest_word(std::string_view(period).substr(unit),
                                 {"s", "second", "min", "minute", "h", "hour", "day", "sec", "m", "d", "ms"});
  return near ? amount + period.substr(0, unit) + std::string(*near) : "";
}

std::string likely_size(const std::string& text) {
  std::string plain = squeezed(text);
  const size_t unit = plain.find_first_not_of(kDigits);
  if (unit == std::string::npos || unit == 0) return plain;
  if (plain[unit] == 'b') return plain.substr(0, unit);
  const size_t which = std::string_view("kmgt").find(plain[unit]);
  return which == std::string_view::npos ? "" : plain.substr(0, unit) + "KMGT"[which] + "iB";
}

}  // namespace portcullis::config
