#include "telemetry/metric_set.h"

#include <stdexcept>

namespace portcullis::telemetry {

Counter* MetricSet::Shard::make() {
  if (used_ == kPerBlock) {
    blocks_.push_back(std::make_unique<Block>());
    used_ = 0;
  }
  return &blocks_.back()->counters[used_++];
}

double MetricSet::Series::value() const {
  if (read) return read();
  uint64_t total = 0;
  for (const Counter* shard : shards) total += shard->get();
  return static_cast<double>(total);
}

MetricSet::Metric& MetricSet::metric(Type type, std::string_view name, std::string_view help) {
  const auto [metric, is_new] = metrics_.try_emplace(std::string(name));
  if (is_new) {
    metric->second.type = type;
    metric->second.help = help;
  }
  // Two policies that disagree about a metric are an error in the program, which the first test that builds
  // both finds.
  if (metric->second.type != type)
    throw std::logic_error("the metric " + std::string(name) + " is both a counter and a gauge");
  return metric->second;
}

MetricSet::Series& MetricSet::series(Type type, std::string_view name, std::string_view help,
                                     const MetricLabels& labels) {
  return metric(type, name, help).series[labels];
}

MetricCounter MetricSet::counter(std::string_view name, std::string_view help, const MetricLabels& labels) {
  Series& its = series(Type::kCounter, name, help, labels);
  if (its.shards.empty()) {
    its.shards.reserve(workers_.size());
    for (Shard& worker : workers_) its.shards.push_back(worker.make());
  }
  return MetricCounter(its.shards.data());
}

void MetricSet::counter(std::string_view name, std::string_view help, const MetricLabels& labels, Read read) {
  series(Type::kCounter, name, help, labels).read = std::move(read);
}

void MetricSet::gauge(std::string_view name, std::string_view help, const MetricLabels& labels, Read read) {
  series(Type::kGauge, name, help, labels).read = std::move(read);
}

double MetricSet::value_of(std::string_view name, const MetricLabels& labels) const {
  const auto metric = metrics_.find(name);
  if (metric == metrics_.end()) return 0;
  const auto found = metric->second.series.find(labels);
  return found == metric->second.series.end() ? 0 : found->second.value();
}

}  // namespace portcullis::telemetry
