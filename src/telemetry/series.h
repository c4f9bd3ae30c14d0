#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>

namespace portcullis::telemetry {

// How single routes, targets and consumers did in the last minutes, second by second. Kept for those that
// have had requests in that time, and for at most kSeries of them: when there are more, the busiest. One
// thread's.
class SeriesBook {
 public:
  enum class Kind : uint8_t { kRoute, kTarget, kConsumer };
  struct Point {
    uint64_t at = 0;  // seconds since 1970
    float rate = 0, client_errors = 0, failures = 0;
    // Milliseconds; negative: nothing to go by.
    float median = -1, p99 = -1, own = -1, waited = -1;
  };

  // Once a second for each that there is; the name of a target is target_name()'s.
  void note(Kind kind, const std::string& name, const Point& point);
  // After all of a second's notes.
  void end_round(uint64_t now);
  // One array for each second, the oldest first: the members of Point in their order. Empty when none is
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
    uint64_t active_at = 0;  // the last second with requests
  };
  struct Newcomer {
    Key key;
    Point point{};
  };

  std::map<Key, Series> series_;
  Newcomer newcomer_;  // the busiest of this round for which there was no room
};

}  // namespace portcullis::telemetry
