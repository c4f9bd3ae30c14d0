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
#include "telemetry/series.h"
#include "telemetry/tail.h"

namespace portcullis::telemetry {

// Of what a policy's metric counts, the series with one of the values of `part` for a label, compared with
// those and the series with one of the values of `rest`.
struct MetricShare {
  std::string metric{};
  std::string label{};
  std::vector<std::string> part{};
  std::vector<std::string> rest{};
};

// What goes on now, as the dashboard and `portcullis top` show it: rates and percentiles of the last seconds,
// some minutes' history of the whole and of single routes, targets and consumers, and what is notable of
// single requests. Control thread.
class LiveView {
 public:
  // The history has `share` for each second.
  explicit LiveView(const Registry& registry, MetricShare share = {})
      : registry_(registry), share_(std::move(share)) {}

  // Once a second, from the start.
  void sample(Clock::time_point now);
  void add(Notables::Batch batch);
  // docs/dashboard.md has the members.
  nlohmann::json describe(const States& states) const;
  // One entry for each second of the last minutes, the oldest first.
  nlohmann::json history() const;
  // Of one route, target or consumer: see SeriesBook.
  nlohmann::json series(SeriesBook::Kind kind, const std::string& name) const;

  // One series of a policy's metric.
  struct Figure {
    const MetricLabels& labels;
    double value;
    double rate;  // per second, of a counter
  };
  // The series of the metric of that name, which MetricSet describes.
  std::vector<Figure> figures(std::string_view metric) const;
  // The value of one series; 0 where there is none.
  double value_of(std::string_view metric, const MetricLabels& labels = {}) const {
    return registry_.of_policies().value_of(metric, labels);
  }
  // What the share is of late; -1 when nothing is counted.
  double share() const;

  // What workers tell of a live tail waits here, from open_tail() to close_tail(), until it is taken.
  void open_tail(uint64_t id) { tails_[id]; }
  void close_tail(uint64_t id) { tails_.erase(id); }
  // The latest first to last, as JSON: {"requests": [...], "left_out": N}. Null when there is nothing new.
  nlohmann::json take_tail(uint64_t id);

  static constexpr size_t kHistory = 600;  // seconds

 private:
  // Of one route, target or the whole.
  struct Meter {
    std::array<RateMeter, 6> responses;  // by the status's first digit; 0: none was sent
    PercentileMeter latency;
    RateMeter measured, own, waited;  // as RouteMetrics has them
    double rate() const;
    double failures() const;  // 5xx, and none
    // What a request takes on average, in milliseconds; negative: nothing to go by.
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
  static constexpr size_t kRefusedAlike = 20;  // of one status and reason, so that the others are seen, too
  static constexpr size_t kLimited = 200;
  static constexpr size_t kConsumers = 1000;
  static constexpr size_t kTailStories = 1000;                   // that wait for one live tail
  static constexpr std::chrono::milliseconds kSlowFor{300'000};  // how long a slow request is shown

  const Registry& registry_;
  const MetricShare share_;
  Clock::time_point last_{};
  Meter whole_;
  std::map<std::string, Meter> routes_;
  std::map<std::pair<std::string, std::string>, Meter> targets_;
  std::map<std::string, Meter> consumers_;  // those that have had requests
  size_t consumers_left_out_ = 0;           // beyond kConsumers
  SeriesBook series_;
  std::map<const MetricSet::Series*, RateMeter> counters_;  // of policies
  std::map<std::pair<std::string, std::string>, PolicyMeter> policies_;
  std::vector<RateMeter> busy_;  // microseconds, by worker
  RateMeter received_, sent_, accepted_, shed_;
  PercentileMeter lag_;  // of all workers
  RateMeter cpu_;        // microseconds
  ProcessState process_;
  uint64_t open_connections_ = 0;
  std::deque<Moment> history_;
  std::deque<Story> failed_;   // the latest first
  std::deque<Story> refused_;  // likewise
  std::deque<Story> slow_;     // the slowest first
  std::map<uint64_t, TailPiece> tails_;
  std::map<std::pair<std::string, std::string>, Turned> limited_;  // by route and who
};

}  // namespace portcullis::telemetry
