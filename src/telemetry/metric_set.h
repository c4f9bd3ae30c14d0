#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "telemetry/counter.h"

namespace portcullis::telemetry {

// Names and values of one series' labels, in the order in which the metrics page shows them.
using MetricLabels = std::vector<std::pair<std::string, std::string>>;

// One series of a policy's counter. Each worker counts in a place of its own, without locks. A value that may
// be copied; it is valid as long as the MetricSet that made it.
class MetricCounter {
 public:
  // On the thread of that worker.
  void add(size_t worker, uint64_t amount = 1) const { shards_[worker]->add(amount); }

 private:
  friend class MetricSet;
  explicit MetricCounter(Counter* const* shards) : shards_(shards) {}

  Counter* const* shards_;  // one for each worker
};

// The metrics that policies, and the engines that they share, register when they are built. The metrics page
// and the live view show what is registered here, and know no policy.
//
// A series is known by its metric's name and its labels: a policy that is built again, by a reload, gets the
// series that it had, with its counts. Series are never removed. All series of a metric have the same names
// of labels, and the help text of the first one. A name is written without `portcullis_`; that of a counter
// ends in `_total`. Labels get their values from the configuration only, never from requests, which could
// make any number of series.
//
// Control thread, but for MetricCounter::add().
class MetricSet {
 public:
  enum class Type { kCounter, kGauge };
  // Tells a value whenever the metrics are looked at, on the control thread. What it refers to must live as
  // long as the metrics are looked at: an engine does, a policy does not. When a series is registered
  // again, the later function replaces the earlier one.
  using Read = std::function<double()>;

  explicit MetricSet(size_t workers) : workers_(workers) {}
  MetricSet(const MetricSet&) = delete;
  MetricSet& operator=(const MetricSet&) = delete;

  // Makes the metric known before it has a series, so that the metrics page has its name and help text
  // whatever the configuration says.
  void declare(Type type, std::string_view name, std::string_view help) { (void)metric(type, name, help); }

  // A counter that workers add to.
  MetricCounter counter(std::string_view name, std::string_view help, const MetricLabels& labels = {});
  // A counter that an engine keeps itself.
  void counter(std::string_view name, std::string_view help, const MetricLabels& labels, Read read);
  void gauge(std::string_view name, std::string_view help, const MetricLabels& labels, Read read);

  struct Series {
    std::vector<Counter*> shards{};  // one for each worker; empty when `read` tells the value
    Read read{};
    double value() const;
  };
  struct Metric {
    Type type = Type::kCounter;
    std::string help;
    std::map<MetricLabels, Series> series;
  };
  // By name.
  const std::map<std::string, Metric, std::less<>>& all() const { return metrics_; }
  // The value of one series; 0 where it is not registered.
  double value_of(std::string_view name, const MetricLabels& labels = {}) const;

 private:
  // The counters of one worker: on cache lines that no other worker writes.
  class Shard {
   public:
    Counter* make();

   private:
    static constexpr size_t kPerBlock = 64;
    struct alignas(64) Block {
      std::array<Counter, kPerBlock> counters;
    };
    std::vector<std::unique_ptr<Block>> blocks_;
    size_t used_ = kPerBlock;  // of the last block
  };

  Metric& metric(Type type, std::string_view name, std::string_view help);
  Series& series(Type type, std::string_view name, std::string_view help, const MetricLabels& labels);

  std::vector<Shard> workers_;
  std::map<std::string, Metric, std::less<>> metrics_;
};

}  // namespace portcullis::telemetry
