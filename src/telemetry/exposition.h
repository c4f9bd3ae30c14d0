#pragma once

// Builds the metrics page; docs/metrics.md describes it. Internal to this folder.

#include <prometheus/metric_family.h>

#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "telemetry/metrics.h"
#include "telemetry/shards.h"

namespace portcullis::telemetry {

using Labels = std::vector<prometheus::ClientMetric::Label>;
using prometheus::MetricType;

inline constexpr const char* kClasses[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};  // classes of status

// One scrape of a registry: the metric families in the order of the page.
class Exposition {
 public:
  Exposition(const Registry& registry, const States& states) : registry_(registry), states_(states) {}

  std::string text();
  std::string protobuf();

 private:
  // Refers to a family by its index in `families_`, whose elements may move.
  class Family {
   public:
    Family(Exposition& all, std::string name, std::string help, MetricType type)
        : all_(all), at_(all.families_.size()) {
      prometheus::MetricFamily family;
      family.name = "portcullis_" + std::move(name);
      family.help = std::move(help);
      family.type = type;
      all.families_.push_back(std::move(family));
    }
    void add(Labels labels, uint64_t value) { add(std::move(labels), static_cast<double>(value)); }
    void add(Labels labels, double value) {
      prometheus::ClientMetric metric;
      metric.label = std::move(labels);
      if (family().type == MetricType::Gauge) {
        metric.gauge.value = value;
      } else {
        metric.counter.value = value;
      }
      family().metric.push_back(std::move(metric));
    }
    void add(prometheus::ClientMetric metric) { family().metric.push_back(std::move(metric)); }
    // Adds a histogram together with its counts in FineBuckets.
    void add(prometheus::ClientMetric metric, std::vector<uint64_t> fine) {
      all_.fine_[{at_, family().metric.size()}] = std::move(fine);
      add(std::move(metric));
    }

   private:
    prometheus::MetricFamily& family() { return all_.families_[at_]; }
    Exposition& all_;
    size_t at_;
  };
  Family counter(std::string name, std::string help) {
    return {*this, std::move(name), std::move(help), MetricType::Counter};
  }
  Family gauge(std::string name, std::string help) {
    return {*this, std::move(name), std::move(help), MetricType::Gauge};
  }
  Family histogram(std::string name, std::string help) {
    return {*this, std::move(name), std::move(help), MetricType::Histogram};
  }

  // Adds counts by class of status; classes without a response are omitted.
  template <typename Shards>
  static void add_responses(Family& family, const Labels& labels, const Shards& shards) {
    for (size_t i = 0; i < std::size(kClasses); ++i)
      add_class(family, labels, i,
                sum(shards, [i](const auto& metrics) -> const Counter& { return metrics.responses[i]; }));
  }
  static void add_class(Family& family, const Labels& labels, size_t status_class, uint64_t count) {
    if (count == 0) return;
    Labels with_class = labels;
    with_class.push_back({"status", kClasses[status_class]});
    family.add(std::move(with_class), count);
  }

  // `counts` by bucket; the last one is beyond all bounds.
  template <typename Bounds>
  static prometheus::ClientMetric buckets(const Bounds& bounds, const std::vector<uint64_t>& counts,
                                          uint64_t micros) {
    prometheus::ClientMetric metric;
    uint64_t cumulative = 0;
    for (size_t i = 0; i < counts.size(); ++i) {
      cumulative += counts[i];
      const double bound =
          i < bounds.size() ? static_cast<double>(bounds[i]) / 1e6 : std::numeric_limits<double>::infinity();
      metric.histogram.bucket.push_back({cumulative, bound});
    }
    metric.histogram.sample_count = cumulative;
    metric.histogram.sample_sum = static_cast<double>(micros) / 1e6;
    return metric;
  }

  // Omits counters that are 0, which keeps a scrape with many series small.
  template <typename Shards, typename Read>
  void add_latency(Family& family, Labels labels, const Shards& shards, Read read) {
    std::vector<uint64_t> counts(kDurationBounds.size() + 1);
    std::vector<uint64_t> fine(native_ ? FineBuckets::kCount : 0);
    uint64_t micros = 0;
    for (const auto& shard : shards) {
      const Latency& latency = read(*shard);
      if (const FineBuckets* its = latency.fine(); its != nullptr && native_) {
        for (size_t i = 0; i < fine.size(); ++i) fine[i] += its->counts[i].get();
      }
      for (size_t i = 0; i < counts.size(); ++i) counts[i] += latency.bucket(i).get();
      micros += latency.sum().get();
    }
    prometheus::ClientMetric metric = buckets(kDurationBounds, counts, micros);
    if (metric.histogram.sample_count == 0) return;
    metric.label = std::move(labels);
    native_ ? family.add(std::move(metric), std::move(fine)) : family.add(std::move(metric));
  }

  uint64_t of_workers(Counter WorkerMetrics::*member) const {
    return sum(registry_.workers_, [member](const WorkerMetrics& m) -> const Counter& { return m.*member; });
  }

  // The families about requests.
  void routes();
  void targets();
  void consumers();
  void revisions();
  void policies();
  void policy_metrics();
  // The families about the process.
  void connections();
  void health();
  void breakers();
  void splits();
  void runtime();
  void overload();

  const Registry& registry_;
  const States& states_;
  void collect();

  bool native_ = false;  // whether histograms also have native (fine) buckets
  std::vector<prometheus::MetricFamily> families_;
  std::map<std::pair<size_t, size_t>, std::vector<uint64_t>>
      fine_;  // keyed by index of the family, then of the metric
};

}  // namespace portcullis::telemetry
