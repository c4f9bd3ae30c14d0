#include "control/admin/policy_figures.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <map>
#include <string>
#include <vector>

namespace portcullis::control {
namespace {

using nlohmann::json;
using telemetry::LiveView;

// Rounds a value as the other figures of the live view are rounded.
double rounded(double value) {
  return std::round(value * 1000) / 1000;
}

std::string label_of(const LiveView::Figure& figure, std::string_view name) {
  for (const auto& [label, value] : figure.labels) {
    if (label == name) return value;
  }
  return "";
}

// The figures of a metric by the value of one label, then by `outcome`.
struct Outcome {
  double total = 0;
  double rate = 0;
};
using Outcomes = std::map<std::string, Outcome>;

std::map<std::string, Outcomes> outcomes_by(const LiveView& view, std::string_view metric,
                                            std::string_view label) {
  std::map<std::string, Outcomes> out;
  for (const LiveView::Figure& figure : view.figures(metric))
    out[label_of(figure, label)][label_of(figure, "outcome")] = {figure.value, figure.rate};
  return out;
}

Outcome sum_of(const Outcomes& outcomes, const std::vector<std::string>& names) {
  Outcome out;
  for (const std::string& name : names) {
    const auto found = outcomes.find(name);
    if (found == outcomes.end()) continue;
    out.total += found->second.total;
    out.rate += found->second.rate;
  }
  return out;
}

uint64_t whole(double value) {
  return static_cast<uint64_t>(value);
}

json disk_figures(const LiveView& view) {
  return {{"bytes", whole(view.value_of("cache_disk_bytes"))},
          {"limit", whole(view.value_of("cache_disk_limit_bytes"))},
          {"entries", whole(view.value_of("cache_disk_entries"))},
          {"evictions", whole(view.value_of("cache_disk_evictions_total"))},
          {"lost", whole(view.value_of("cache_disk_lost_total", {{"why", "damaged"}}) +
                         view.value_of("cache_disk_lost_total", {{"why", "write_failed"}}))}};
}

}  // namespace

telemetry::MetricShare cache_hits() {
  return {"cache_requests_total", "outcome", {"hit", "stale", "collapsed"}, {"miss"}};
}

json cache_figures(const LiveView& view) {
  json out{{"hit_ratio", rounded(view.share())},
           {"bytes", whole(view.value_of("cache_bytes"))},
           {"limit", whole(view.value_of("cache_limit_bytes"))},
           {"entries", whole(view.value_of("cache_entries"))},
           {"evictions", whole(view.value_of("cache_evictions_total"))},
           {"routes", json::array()}};
  if (view.value_of("cache_disk_limit_bytes") > 0) out["disk"] = disk_figures(view);
  const telemetry::MetricShare hits = cache_hits();
  for (auto& [route, outcomes] : outcomes_by(view, hits.metric, "route")) {
    const Outcome answered = sum_of(outcomes, hits.part), missed = sum_of(outcomes, hits.rest);
    const double asked = answered.rate + missed.rate;
    out["routes"].push_back({{"route", route},
                             {"rate", rounded(asked)},
                             {"hit_ratio", asked < 0.001 ? -1 : rounded(answered.rate / asked)},
                             {"hits", whole(answered.total)},
                             {"misses", whole(missed.total)}});
  }
  return out;
}

json limit_figures(const LiveView& view) {
  json out = json::array();
  for (auto& [limit, outcomes] : outcomes_by(view, "rate_limit_decisions_total", "limit"))
    out.push_back({{"name", limit},
                   {"allowed", rounded(outcomes["allowed"].rate)},
                   {"refused", rounded(outcomes["refused"].rate)},
                   {"would_refuse", rounded(outcomes["would_refuse"].rate)},
                   {"unavailable", rounded(outcomes["unavailable"].rate)},
                   {"total_refused", whole(outcomes["refused"].total)}});
  return out;
}

}  // namespace portcullis::control
