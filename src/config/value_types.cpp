#include "config/value_types.h"

#include <nlohmann/json.hpp>

#include <ctime>

#include "config/likely_value.h"
#include "config/scalar_type.h"

namespace portcullis::config {
namespace {

using std::chrono::milliseconds;

std::string parse_rate(const std::string& text, Rate& out) {
  std::string problem = "`" + text + "` is not a rate such as 100/s, 5000/min, 10/30s or 100000/day";
  const size_t slash = text.find('/');
  if (slash == std::string::npos) return problem;
  const auto amount = parse_decimal(std::string_view(text).substr(0, slash));
  std::string_view unit = std::string_view(text).substr(slash + 1);
  uint64_t count = 1;
  if (const size_t digits = unit.find_first_not_of("0123456789"); digits != 0 && digits != unit.npos) {
    count = parse_decimal(unit.substr(0, digits)).value_or(0);
    unit.remove_prefix(digits);
  }
  uint64_t scale = 0;
  if (unit == "ms") scale = 1;
  if (unit == "s" || unit == "sec" || unit == "second") scale = 1000;
  if (unit == "m" || unit == "min" || unit == "minute") scale = 60'000;
  if (unit == "h" || unit == "hour") scale = 3'600'000;
  if (unit == "d" || unit == "day") scale = 86'400'000;
  if (!amount || *amount == 0 || count == 0 || scale == 0) return problem;
  if (*amount > 1'000'000'000) return "`" + text + "` allows more than 1000000000";
  if (count > 31 * 86'400'000ull / scale) return "`" + text + "` has a period of more than 31 days";
  out = {*amount, milliseconds(count * scale)};
  return "";
}

std::string parse_timestamp(const std::string& text, std::chrono::sys_seconds& out) {
  for (const char* form : {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"}) {
    tm parts{};
    const char* end = ::strptime(text.c_str(), form, &parts);
    if (end == nullptr || *end != '\0') continue;
    out = std::chrono::sys_seconds(std::chrono::seconds(::timegm(&parts)));
    return "";
  }
  return "`" + text + "` is not a moment such as 2027-01-31 or 2027-01-31T12:00:00Z";
}

std::string parse_percent(const std::string& text, uint64_t& out) {
  std::string problem = "`" + text + "` is not a share such as 20%";
  if (!text.ends_with('%')) return problem;
  const auto number = parse_decimal(std::string_view(text).substr(0, text.size() - 1));
  if (!number || *number > 100) return problem;
  out = *number;
  return "";
}

std::string parse_status_range(const std::string& text, StatusRange& out) {
  std::string problem = "`" + text + "` is not a status: write 200, 200-299 or 2xx";
  if (text.size() == 3 && text.ends_with("xx") && text[0] >= '1' && text[0] <= '5') {
    out.first = static_cast<uint16_t>((text[0] - '0') * 100);
    out.last = static_cast<uint16_t>(out.first + 99);
    return "";
  }
  const size_t dash = std::min(text.find('-'), text.size());
  const auto first = parse_decimal(std::string_view(text).substr(0, dash));
  const auto last = dash == text.size() ? first : parse_decimal(std::string_view(text).substr(dash + 1));
  if (!first || !last || *first < 100 || *last > 599 || *first > *last) return problem;
  out = {static_cast<uint16_t>(*first), static_cast<uint16_t>(*last)};
  return "";
}

std::string parse_fine_share(const std::string& text, FineShare& out) {
  std::string problem = "`" + text + "` is not a share: write it as 20% or 0.1%";
  if (!text.ends_with('%')) return problem;
  const std::string_view number = std::string_view(text).substr(0, text.size() - 1);
  const size_t dot = std::min(number.find('.'), number.size());
  const auto whole = parse_decimal(number.substr(0, dot));
  std::string fraction(number.substr(std::min(dot + 1, number.size())));
  if (!whole || *whole > 100 || fraction.size() > 2 || (dot < number.size() && fraction.empty()))
    return problem;
  fraction.resize(2, '0');
  const auto hundredths = parse_decimal(fraction);
  if (!hundredths || *whole * 100 + *hundredths > 10'000) return problem;
  out.of_10_000 = static_cast<uint32_t>(*whole * 100 + *hundredths);
  return "";
}

std::string print_rate(const Rate& rate) {
  struct Period {
    const char* name;
    int64_t milliseconds;
  };
  constexpr Period kPeriods[] = {
      {"ms", 1}, {"s", 1000}, {"min", 60'000}, {"h", 3'600'000}, {"day", 86'400'000}};
  const Period* best = &kPeriods[0];
  for (const Period& one : kPeriods) {
    if (rate.period.count() % one.milliseconds == 0) best = &one;
  }
  const int64_t count = rate.period.count() / best->milliseconds;
  return std::to_string(rate.amount) + "/" + (count == 1 ? "" : std::to_string(count)) + best->name;
}

std::string print_percent(const uint64_t& share) {
  return std::to_string(share) + "%";
}

std::string print_status_range(const StatusRange& range) {
  if (range.first % 100 == 0 && range.last == range.first + 99)
    return std::to_string(range.first / 100) + "xx";
  const std::string first = std::to_string(range.first);
  return range.first == range.last ? first : first + "-" + std::to_string(range.last);
}

}  // namespace

std::string print_timestamp(const std::chrono::sys_seconds& moment) {
  const time_t seconds = moment.time_since_epoch().count();
  tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

std::string print_fine_share(const FineShare& share) {
  std::string out = std::to_string(share.of_10_000 / 100);
  if (const uint32_t fraction = share.of_10_000 % 100; fraction != 0)
    out += "." + std::to_string(fraction / 10) + (fraction % 10 == 0 ? "" : std::to_string(fraction % 10));
  return out + "%";
}

Type<Rate> rate() {
  return std::make_shared<ScalarType<Rate>>("a rate", scalar_schema({{}, "^[0-9]+/[0-9]*[a-z]+$"}), "100/s",
                                            parse_rate, print_rate, likely_rate);
}

Type<uint64_t> percent() {
  return std::make_shared<ScalarType<uint64_t>>("a share such as 20%", scalar_schema({{}, "^[0-9]+%$"}),
                                                "20%", parse_percent, print_percent, likely_percent);
}

Type<FineShare> fine_share() {
  return std::make_shared<ScalarType<FineShare>>("a share such as 20% or 0.1%",
                                                 scalar_schema({{}, "^[0-9]+([.][0-9]{1,2})?%$"}), "0.1%",
                                                 parse_fine_share, print_fine_share, likely_percent);
}

Type<StatusRange> status_range() {
  return std::make_shared<ScalarType<StatusRange>>(
      "a status, or statuses such as 200-299 or 2xx",
      scalar_schema({{"integer"}, "^([1-5]xx|[1-5][0-9][0-9](-[1-5][0-9][0-9])?)$"}), "503",
      parse_status_range, print_status_range);
}

Type<std::chrono::sys_seconds> timestamp() {
  return std::make_shared<ScalarType<std::chrono::sys_seconds>>(
      "a moment", scalar_schema({{}, "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:]{8}Z)?$"}), "2027-01-31",
      parse_timestamp, print_timestamp);
}

}  // namespace portcullis::config
