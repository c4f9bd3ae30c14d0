#include "telemetry/series.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace portcullis::telemetry {
namespace {

// A lower rate per second counts as idle: RateMeter decays and does not reach 0.
constexpr float kIdle = 0.005F;

double to_three_digits(float value) {
  return std::round(static_cast<double>(value) * 1000) / 1000;
}

}  // namespace

void SeriesBook::note(Kind kind, const std::string& name, const Point& point) {
  const bool active = point.rate > kIdle;
  Key key{kind, name};
  auto found = series_.find(key);
  if (found == series_.end()) {
    if (!active) return;
    if (series_.size() >= kSeries) {
      if (point.rate > newcomer_.point.rate) newcomer_ = {std::move(key), point};
      return;
    }
    found = series_.emplace(std::move(key), Series()).first;
  }
  Series& series = found->second;
  series.points.push_back(point);
  if (series.points.size() > kSeconds) series.points.pop_front();
  if (active) series.active_at = point.at;
}

void SeriesBook::end_round(uint64_t now) {
  std::erase_if(series_, [now](const auto& one) { return now - one.second.active_at > kSeconds; });
  const Newcomer newcomer = std::exchange(newcomer_, {});
  if (newcomer.point.rate <= 0) return;
  const auto idlest = std::min_element(series_.begin(), series_.end(), [](const auto& a, const auto& b) {
    return a.second.points.back().rate < b.second.points.back().rate;
  });
  // The newcomer must be twice as busy, so that two similar series do not replace each other in turn.
  if (idlest != series_.end() && idlest->second.points.back().rate * 2 < newcomer.point.rate)
    series_.erase(idlest);
  if (series_.size() < kSeries) note(newcomer.key.first, newcomer.key.second, newcomer.point);
}

nlohmann::json SeriesBook::describe(Kind kind, const std::string& name) const {
  nlohmann::json out = nlohmann::json::array();
  const auto found = series_.find({kind, name});
  if (found == series_.end()) return out;
  for (const Point& one : found->second.points)
    out.push_back({one.at, to_three_digits(one.rate), to_three_digits(one.client_errors),
                   to_three_digits(one.failures), to_three_digits(one.median), to_three_digits(one.p99),
                   to_three_digits(one.own), to_three_digits(one.waited)});
  return out;
}

}  // namespace portcullis::telemetry
