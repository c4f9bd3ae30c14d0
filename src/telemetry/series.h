#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>

namespace portcullis::telemetry {

// The history of single routes, targets and consumers over the last minutes, second by second. Kept for those
// that had requests in that time, at most kSeries: with more, the busiest. One thread.
class SeriesBook {
 public:
  enum class Kind : uint8_t { kRoute, kTarget, kConsumer };
  struct Point {
    uint64_t at = 0;  // seconds since 1970
    float rate = 0, client_errors = 0, failures = 0;
    // Milliseconds; negative without measurements.
    float median = -1, p99 = -1, own = -1, waited = -1;
  };

  // Call once a second for each route, target and consumer; a target's name is target_name()'s.
  void note(Kind kind, const std::string& name, const Point& point);
  // Call after all note() calls of a second.
  void end_round(uint64_t now);
  // One array for each second, oldest first, with the members of Point in order. Empty when no history is
  // kept.
  nlohmann::json describe(Kind kind, const std::string& name) const;

  static std::string target_name(const std::string& upstream, const std::string& address) {
    return upstream + '\n' + address;
  }

  static constexpr size_t kSeries = 500;
  static constexpr uint64_t kSeconds = 600;

 private:
  using Key = std::pair<Kind, std::string>;
  struct Series {
    std::deque<Point> points;
    uint64_t active_at = 0;  // last second with requests
  };
  struct Newcomer {
    Key key;
    Point point{};
  };

  std::map<Key, Series> series_;
  Newcomer newcomer_;  // the busiest series of this round for which there was no space
};

}  // namespace portcullis::telemetry
