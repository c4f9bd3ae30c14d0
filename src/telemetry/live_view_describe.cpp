// Describes the live view as JSON; docs/dashboard.md describes the members.
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

#include "telemetry/live_view.h"

namespace portcullis::telemetry {
namespace {

using nlohmann::json;

// Rounds to three digits: more are not useful, and a thousand routes are sent each second.
double rounded(double value) {
  return std::round(value * 1000) / 1000;
}

}  // namespace

json LiveView::history() const {
  json out = json::array();
  for (const Moment& one : history_)
    out.push_back({one.at, rounded(one.rate), rounded(one.client_errors), rounded(one.failures),
                   rounded(one.median), rounded(one.p99), rounded(one.share), rounded(one.own),
                   rounded(one.waited)});
  return out;
}

json LiveView::series(SeriesBook::Kind kind, const std::string& name) const {
  return series_.describe(kind, name);
}

json LiveView::take_tail(uint64_t id) {
  const auto found = tails_.find(id);
  if (found == tails_.end() || (found->second.stories.empty() && found->second.left_out == 0)) return nullptr;
  TailPiece piece = std::exchange(found->second, {});
  std::stable_sort(piece.stories.begin(), piece.stories.end(),
                   [](const Story& a, const Story& b) { return a.at < b.at; });
  return {{"requests", describe_stories(piece.stories)}, {"left_out", piece.left_out}};
}

void LiveView::add_meter(json& told, const Meter& meter) {
  told["rate"] = rounded(meter.rate());
  told["failures"] = rounded(meter.failures());
  told["client_errors"] = rounded(meter.responses[4].rate());
  uint64_t total = 0;
  for (const RateMeter& one : meter.responses) total += one.total();
  told["total"] = total;
  told["total_failures"] = meter.responses[0].total() + meter.responses[5].total();
  told["p50"] = rounded(meter.latency.milliseconds(0.5));
  told["p90"] = rounded(meter.latency.milliseconds(0.9));
  told["p99"] = rounded(meter.latency.milliseconds(0.99));
  told["own"] = rounded(meter.own_time());
  told["waited"] = rounded(meter.waited_time());
}

json LiveView::describe(const States& states) const {
  json out{{"at", milliseconds_now()}, {"routes", json::array()}, {"limited", json::array()}};
  add_meter(out["whole"], whole_);
  if (!history_.empty()) out["now"] = history().back();
  for (const auto& [name, meter] : routes_) {
    json one{{"name", name}};
    add_meter(one, meter);
    if (one["total"] != 0) out["routes"].push_back(std::move(one));
  }
  out["upstreams"] = describe_upstreams(states);
  out["consumers"] = describe_consumers();
  out["consumers_left_out"] = consumers_left_out_;
  out["metrics"] = describe_metrics();
  out["policies"] = describe_policies();
  out["runtime"] = describe_runtime();
  out["overload"] = {{"memory", rounded(states.overload.memory)},
                     {"descriptors", rounded(states.overload.descriptors)},
                     {"level", states.overload.level}};
  out["splits"] = json::array();
  for (const BranchState& one : states.branches)
    out["splits"].push_back({{"route", one.route},
                             {"branch", one.name},
                             {"upstream", one.upstream},
                             {"weight", one.weight},
                             {"rolled_back", one.rolled_back},
                             {"rollbacks", one.rollbacks}});
  for (const auto& [key, turned] : limited_)
    out["limited"].push_back({{"route", key.first},
                              {"who", key.second},
                              {"reason", turned.reason->name},
                              {"last_minute", rounded(turned.recent)},
                              {"total", turned.times}});
  out["failed"] = describe_stories(failed_);
  out["refused"] = describe_stories(refused_);
  out["slow"] = describe_stories(slow_);
  return out;
}

template <typename Stories>
json LiveView::describe_stories(const Stories& stories) {
  json out = json::array();
  for (const Story& story : stories) {
    json told = json::parse(story.line, nullptr, false);
    if (told.is_object()) out.push_back(std::move(told));
  }
  return out;
}

json LiveView::describe(const TargetState& state) {
  return {{"address", state.address},
          {"state", state.drained   ? "drained"
                    : !state.up     ? "down"
                    : state.ejected ? "ejected"
                                    : "up"},
          {"why", state.why},
          {"ejected_for", rounded(static_cast<double>(state.ejected_for.count()) / 1000)},
          {"ejections", state.ejections},
          {"checks_passed", state.checks_passed},
          {"checks_failed", state.checks_failed}};
}

json LiveView::describe_consumers() const {
  json out = json::array();
  for (const auto& [name, meter] : consumers_) {
    json one{{"name", name}};
    add_meter(one, meter);
    out.push_back(std::move(one));
  }
  return out;
}

json LiveView::describe_upstreams(const States& states) const {
  std::map<std::string, json> upstreams;  // keyed by the upstream's name
  for (const TargetState& state : states.targets) {
    json& upstream = upstreams[state.upstream];
    json one = describe(state);
    const auto meter = targets_.find({state.upstream, state.address});
    add_meter(one, meter != targets_.end() ? meter->second : Meter());
    upstream["targets"].push_back(std::move(one));
  }
  // Targets known by a host name; the states have their addresses.
  for (const auto& [key, meter] : targets_) {
    json& rows = upstreams[key.first]["targets"];
    const bool told = std::any_of(rows.begin(), rows.end(), [&its_key = key](const json& row) {
      return row["address"] == its_key.second;
    });
    if (told) continue;
    json one{{"address", key.second}, {"state", "named"}};
    add_meter(one, meter);
    rows.push_back(std::move(one));
  }
  for (const BreakerState& state : states.breakers) {
    if (state.max > 0)
      upstreams[state.upstream]["breakers"].push_back(
          {{"load", state.load}, {"limit", state.max}, {"in_use", state.in_use}, {"refused", state.refused}});
  }
  json out = json::array();
  for (auto& [name, upstream] : upstreams) {
    upstream["name"] = name;
    out.push_back(std::move(upstream));
  }
  return out;
}

// What has counted nothing is left out, which keeps the view of many routes small.
json LiveView::describe_metrics() const {
  json out = json::array();
  for (const auto& [name, metric] : registry_.of_policies().all()) {
    const bool counts = metric.type == MetricSet::Type::kCounter;
    json series = json::array();
    for (const Figure& figure : figures(name)) {
      if (counts && figure.value == 0) continue;
      json one{{"labels", json::object()}, {"value", rounded(figure.value)}};
      for (const auto& [label, value] : figure.labels) one["labels"][label] = value;
      if (counts) one["rate"] = rounded(figure.rate);
      series.push_back(std::move(one));
    }
    if (series.empty()) continue;
    out.push_back({{"name", "portcullis_" + name},
                   {"type", counts ? "counter" : "gauge"},
                   {"help", metric.help},
                   {"series", std::move(series)}});
  }
  return out;
}

json LiveView::describe_policies() const {
  json out = json::array();
  for (const auto& [key, meter] : policies_) {
    if (meter.continued.total() + meter.answered.total() + meter.refused.total() == 0) continue;
    out.push_back({{"route", key.first},
                   {"policy", key.second},
                   {"continued", rounded(meter.continued.rate())},
                   {"answered", rounded(meter.answered.rate())},
                   {"refused", rounded(meter.refused.rate())},
                   {"total_refused", meter.refused.total()}});
  }
  return out;
}

json LiveView::describe_runtime() const {
  json out{{"connections", open_connections_},
           {"shed_rate", rounded(shed_.rate())},
           {"lag", rounded(lag_.milliseconds(0.99))},
           {"connection_rate", rounded(accepted_.rate())},
           {"received_rate", rounded(received_.rate())},
           {"sent_rate", rounded(sent_.rate())},
           {"cpu", rounded(cpu_.rate() / 1e6)},
           {"memory", process_.resident_bytes},
           {"descriptors", process_.open_descriptors},
           {"descriptor_limit", process_.max_descriptors},
           {"started", process_.started_at},
           {"busy", json::array()}};
  for (const RateMeter& one : busy_) out["busy"].push_back(rounded(one.rate() / 1e6));
  return out;
}

}  // namespace portcullis::telemetry
