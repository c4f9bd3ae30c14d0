#pragma once

#include <nlohmann/json_fwd.hpp>

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "runtime/event_loop.h"
#include "telemetry/meters.h"
#include "telemetry/metrics.h"
#include "telemetry/notables.h"
#include "telemetry/process.h"

namespace portcullis::telemetry {

// What goes on now, as the dashboard and `portcullis top` show it: rates and percentiles of the last seconds,
// some minutes' history of the whole, and what is notable of single requests. Control thread.
class LiveView {
 public:
  explicit LiveView(const Registry& registry) : registry_(registry) {}

  // Once a second, from the start.
  void sample(Clock::time_point now);
  void add(Notables::Batch batch);
  // docs/dashboard.md has the members.
  nlohmann::json describe(const States& states) const;
  // One entry for each second of the last minutes, the oldest first.
  nlohmann::json history() const;

  static constexpr size_t kHistory = 600;  // seconds

 private:
  // Of one route, target or the whole.
  struct Meter {
    std::array<RateMeter, 6> responses;  // by the status's first digit; 0: none was sent
    PercentileMeter latency;
    double rate() const;
    double failures() const;  // 5xx, and none
  };
  struct CacheMeter {
    RateMeter answered;  // from what is stored
    RateMeter asked;     // that could have been
  };
  struct LimitMeter {
    RateMeter allowed, refused, would_refuse, unavailable;
  };
  struct PolicyMeter {
    RateMeter continued, answered, refused;
  };
  struct Moment {
    uint64_t at;  // seconds since 1970
    double rate, client_errors, failures, median, p99, hit_ratio;
  };
  struct Turned {
    uint64_t times = 0;
    double recent = 0;
    std::string reason;
  };

  template <typename Shards>
  static void update_responses(Meter& meter, const Shards& shards, double seconds);
  void sample_routes(double seconds);
  void sample_targets(double seconds);
  void sample_policies(double seconds);
  void sample_runtime(double seconds);
  void remember();
  static void add_meter(nlohmann::json& told, const Meter& meter);
  nlohmann::json describe_upstreams(const States& states) const;
  nlohmann::json describe_cache(const States& states) const;
  nlohmann::json describe_limits() const;
  nlohmann::json describe_policies() const;
  nlohmann::json describe_runtime() const;
  static nlohmann::json describe(const std::deque<Story>& stories);
  double hit_ratio() const;

  static constexpr size_t kStories = 100;
  static constexpr size_t kLimited = 200;
  static constexpr std::chrono::milliseconds kSlowFor{300'000};  // how long a slow request is shown

  const Registry& registry_;
  Clock::time_point last_{};
  Meter whole_;
  std::map<std::string, Meter> routes_;
  std::map<std::pair<std::string, std::string>, Meter> targets_;
  std::map<std::string, CacheMeter> caches_;
  std::map<std::string, LimitMeter> limits_;
  std::map<std::pair<std::string, std::string>, PolicyMeter> policies_;
  std::vector<RateMeter> busy_;  // microseconds, by worker
  RateMeter received_, sent_, accepted_, shed_;
  PercentileMeter lag_;  // of all workers
  RateMeter cpu_;        // microseconds
  ProcessState process_;
  uint64_t open_connections_ = 0;
  std::deque<Moment> history_;
  std::deque<Story> failed_;                                       // the latest first
  std::deque<Story> slow_;                                         // the slowest first
  std::map<std::pair<std::string, std::string>, Turned> limited_;  // by route and who
};

}  // namespace portcullis::telemetry
