#pragma once

#include <nlohmann/json_fwd.hpp>

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "runtime/event_loop.h"
#include "telemetry/meters.h"
#include "telemetry/metric_share.h"
#include "telemetry/metrics.h"
#include "telemetry/notables.h"
#include "telemetry/process.h"
#include "telemetry/series.h"
#include "telemetry/tail.h"

namespace portcullis::telemetry {

// The live data of the dashboard and `portcullis top`: rates and percentiles of the last seconds, a history
// of some minutes (in total, and per route, target and consumer), and notable requests. Control thread.
class LiveView {
 public:
  // The history has `share` for each second.
  explicit LiveView(const Registry& registry, MetricShare share = {})
      : registry_(registry), share_(std::move(share)) {}

  // Call once a second, from the start.
  void sample(Clock::time_point now);
  void add(Notables::Batch batch);
  // docs/dashboard.md describes the members.
  nlohmann::json describe(const States& states) const;
  // One entry for each second of the last minutes, oldest first.
  nlohmann::json history() const;
  // The history of one route, target or consumer: see SeriesBook.
  nlohmann::json series(SeriesBook::Kind kind, const std::string& name) const;

  // One series of a metric of a policy.
  struct Figure {
    const MetricLabels& labels;
    double value;
    double rate;  // per second; of counters
  };
  // The series of the metric of that name, as in MetricSet.
  std::vector<Figure> figures(std::string_view metric) const;
  // The value of one series; 0 if there is no such series.
  double value_of(std::string_view metric, const MetricLabels& labels = {}) const {
    return registry_.of_policies().value_of(metric, labels);
  }
  // The share in the last seconds; -1 when nothing was counted.
  double share() const;

  // Stories for a live tail are kept from open_tail() to close_tail(), until take_tail() takes them.
  void open_tail(uint64_t id) { tails_[id]; }
  void close_tail(uint64_t id) { tails_.erase(id); }
  // The stories in order of time, as JSON: {"requests": [...], "left_out": N}. Null when there are no new
  // ones.
  nlohmann::json take_tail(uint64_t id);

  static constexpr size_t kHistory = 600;  // seconds

 private:
  // Rates and latency of one route or target, or of all requests.
  struct Meter {
    std::array<RateMeter, 6> responses;  // by the status's first digit; 0: no response was sent
    PercentileMeter latency;
    RateMeter measured, own, waited;  // see RouteMetrics
    double rate() const;
    double failures() const;  // requests with status 5xx or without a response
    // The mean time per request in milliseconds; negative without measurements.
    double own_time() const { return mean(own); }
    double waited_time() const { return mean(waited); }
    SeriesBook::Point point(uint64_t at) const;

   private:
    double mean(const RateMeter& microseconds) const {
      return measured.rate() < 0.001 ? -1 : microseconds.rate() / measured.rate() / 1000;
    }
  };
  struct PolicyMeter {
    RateMeter continued, answered, refused;
  };
  struct Moment {
    uint64_t at;  // seconds since 1970
    double rate, client_errors, failures, median, p99, share, own, waited;
  };
  struct Turned {
    uint64_t times = 0;
    double recent = 0;
    const EndReason* reason = nullptr;
  };

  template <typename Shards>
  static void update_responses(Meter& meter, const Shards& shards, double seconds);
  void sample_routes(double seconds, uint64_t at);
  void sample_targets(double seconds, uint64_t at);
  void sample_consumers(double seconds, uint64_t at);
  void sample_policies(double seconds);
  void sample_runtime(double seconds);
  void remember(uint64_t at);
  void add_refused(std::vector<Story> stories);
  static void add_meter(nlohmann::json& told, const Meter& meter);
  static nlohmann::json describe(const TargetState& state);
  nlohmann::json describe_upstreams(const States& states) const;
  nlohmann::json describe_consumers() const;
  nlohmann::json describe_metrics() const;
  nlohmann::json describe_policies() const;
  nlohmann::json describe_runtime() const;
  template <typename Stories>
  static nlohmann::json describe_stories(const Stories& stories);

  static constexpr size_t kStories = 100;
  // Of one status and reason, so that requests refused for other reasons stay visible.
  static constexpr size_t kRefusedAlike = 20;
  static constexpr size_t kLimited = 200;
  static constexpr size_t kConsumers = 1000;
  static constexpr size_t kTailStories = 1000;                   // waiting stories of one live tail
  static constexpr std::chrono::milliseconds kSlowFor{300'000};  // how long a slow request is shown

  const Registry& registry_;
  const MetricShare share_;
  Clock::time_point last_{};
  Meter whole_;
  std::map<std::string, Meter> routes_;
  std::map<std::pair<std::string, std::string>, Meter> targets_;
  std::map<std::string, Meter> consumers_;  // consumers that have sent requests
  size_t consumers_left_out_ = 0;           // consumers beyond kConsumers
  SeriesBook series_;
  std::map<const MetricSet::Series*, RateMeter> counters_;  // of policies
  std::map<std::pair<std::string, std::string>, PolicyMeter> policies_;
  std::vector<RateMeter> busy_;  // microseconds, by worker
  RateMeter received_, sent_, accepted_, shed_;
  PercentileMeter lag_;  // over all workers
  RateMeter cpu_;        // microseconds
  ProcessState process_;
  uint64_t open_connections_ = 0;
  std::deque<Moment> history_;
  std::deque<Story> failed_;   // latest first
  std::deque<Story> refused_;  // latest first
  std::deque<Story> slow_;     // slowest first
  std::map<uint64_t, TailPiece> tails_;
  std::map<std::pair<std::string, std::string>, Turned> limited_;  // by route and caller
};

}  // namespace portcullis::telemetry
