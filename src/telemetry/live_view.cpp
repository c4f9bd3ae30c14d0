#include "telemetry/live_view.h"

#include <nlohmann/json.hpp>

#include <algorithm>

#include "telemetry/shards.h"

namespace portcullis::telemetry {
namespace {

using nlohmann::json;

uint64_t milliseconds_now() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                   std::chrono::system_clock::now().time_since_epoch())
                                   .count());
}

// To three digits: nobody reads more, and a thousand routes are told each second.
double rounded(double value) {
  return std::round(value * 1000) / 1000;
}

}  // namespace

double LiveView::Meter::rate() const {
  double all = 0;
  for (const RateMeter& one : responses) all += one.rate();
  return all;
}

double LiveView::Meter::failures() const {
  return responses[0].rate() + responses[5].rate();
}

template <typename Shards>
void LiveView::update_responses(Meter& meter, const Shards& shards, double seconds) {
  for (size_t i = 0; i < meter.responses.size(); ++i)
    meter.responses[i].update(
        sum(shards, [i](const auto& metrics) -> const Counter& { return metrics.responses[i]; }), seconds);
}

void LiveView::sample(Clock::time_point now) {
  const double seconds = last_ == Clock::time_point{}
                             ? 1.0
                             : std::max(std::chrono::duration<double>(now - last_).count(), 0.001);
  last_ = now;
  sample_routes(seconds);
  sample_targets(seconds);
  sample_policies(seconds);
  sample_runtime(seconds);
  for (auto& [key, turned] : limited_) turned.recent *= std::exp(-seconds / 60);
  std::erase_if(slow_, [oldest = milliseconds_now() - static_cast<uint64_t>(kSlowFor.count())](
                           const Story& story) { return story.at < oldest; });
  remember();
}

void LiveView::sample_routes(double seconds) {
  std::array<uint64_t, 6> totals{};
  uint64_t received = 0, sent = 0;
  for (const auto& [name, shards] : registry_.routes_) {
    Meter& meter = routes_[name];
    update_responses(meter, shards, seconds);
    for (size_t i = 0; i < totals.size(); ++i) totals[i] += meter.responses[i].total();
    for (const auto& shard : shards) {
      meter.latency.add(shard->duration);
      whole_.latency.add(shard->duration);
      received += shard->request_body_bytes.get();
      sent += shard->response_body_bytes.get();
    }
    meter.latency.update(seconds);
  }
  for (size_t i = 0; i < totals.size(); ++i) whole_.responses[i].update(totals[i], seconds);
  whole_.latency.update(seconds);
  received_.update(received, seconds);
  sent_.update(sent, seconds);
}

void LiveView::sample_targets(double seconds) {
  std::erase_if(targets_, [this](const auto& one) {
    const auto known = registry_.targets_.find(one.first);
    return known == registry_.targets_.end() || known->second.expired();
  });
  for (const auto& [key, held] : registry_.targets_) {
    const auto shards = held.lock();
    if (!shards) continue;
    Meter& meter = targets_[key];
    std::array<uint64_t, 6> totals{};
    for (const auto& shard : *shards) {
      for (size_t i = 1; i < totals.size(); ++i) totals[i] += shard->responses[i].get();
      for (const TryResult result : {TryResult::kConnectFailed, TryResult::kFailed, TryResult::kTimedOut})
        totals[0] += shard->tries[static_cast<size_t>(result)].get();
      meter.latency.add(shard->head);
    }
    for (size_t i = 0; i < totals.size(); ++i) meter.responses[i].update(totals[i], seconds);
    meter.latency.update(seconds);
  }
}

void LiveView::sample_policies(double seconds) {
  for (const auto& [name, shards] : registry_.caches_) {
    const auto total = [&its_shards = shards](Counter CacheMetrics::*member) {
      return sum(its_shards, [member](const CacheMetrics& m) -> const Counter& { return m.*member; });
    };
    CacheMeter& meter = caches_[name];
    const uint64_t answered =
        total(&CacheMetrics::hits) + total(&CacheMetrics::stale) + total(&CacheMetrics::collapsed);
    meter.answered.update(answered, seconds);
    meter.asked.update(answered + total(&CacheMetrics::misses), seconds);
  }
  for (const auto& [name, shards] : registry_.limits_) {
    const auto total = [&its_shards = shards](Counter LimitMetrics::*member) {
      return sum(its_shards, [member](const LimitMetrics& m) -> const Counter& { return m.*member; });
    };
    LimitMeter& meter = limits_[name];
    meter.allowed.update(total(&LimitMetrics::allowed), seconds);
    meter.refused.update(total(&LimitMetrics::refused), seconds);
    meter.would_refuse.update(total(&LimitMetrics::would_refuse), seconds);
    meter.unavailable.update(total(&LimitMetrics::unavailable), seconds);
  }
  for (const auto& [key, shards] : registry_.policies_) {
    const auto total = [&its_shards = shards](Counter PolicyMetrics::*member) {
      return sum(its_shards, [member](const PolicyMetrics& m) -> const Counter& { return m.*member; });
    };
    PolicyMeter& meter = policies_[key];
    meter.continued.update(total(&PolicyMetrics::continued), seconds);
    meter.answered.update(total(&PolicyMetrics::answered), seconds);
    meter.refused.update(total(&PolicyMetrics::refused), seconds);
  }
}

void LiveView::sample_runtime(double seconds) {
  busy_.resize(registry_.workers_.size());
  uint64_t accepted = 0, closed = 0, shed = 0;
  for (size_t i = 0; i < busy_.size(); ++i) {
    const WorkerMetrics& worker = *registry_.workers_[i];
    busy_[i].update(worker.busy.get(), seconds);
    lag_.add(worker.lag);
    shed += worker.shed.get();
    closed += worker.closed.get();  // before accepted: it is never the larger
    accepted += worker.accepted.get();
  }
  lag_.update(seconds);
  shed_.update(shed, seconds);
  accepted_.update(accepted, seconds);
  open_connections_ = accepted - std::min(closed, accepted);
  process_ = read_process_state();
  cpu_.update(static_cast<uint64_t>(process_.cpu_seconds * 1e6), seconds);
}

double LiveView::hit_ratio() const {
  double answered = 0, asked = 0;
  for (const auto& [name, meter] : caches_) {
    answered += meter.answered.rate();
    asked += meter.asked.rate();
  }
  return asked < 0.001 ? -1 : answered / asked;
}

void LiveView::remember() {
  history_.push_back({milliseconds_now() / 1000, whole_.rate(), whole_.responses[4].rate(), whole_.failures(),
                      whole_.latency.milliseconds(0.5), whole_.latency.milliseconds(0.99), hit_ratio()});
  if (history_.size() > kHistory) history_.pop_front();
}

void LiveView::add(Notables::Batch batch) {
  for (Story& story : batch.failed) failed_.push_front(std::move(story));
  std::stable_sort(failed_.begin(), failed_.end(),
                   [](const Story& a, const Story& b) { return a.at > b.at; });
  if (failed_.size() > kStories) failed_.resize(kStories);
  for (Story& story : batch.slow) slow_.push_back(std::move(story));
  std::sort(slow_.begin(), slow_.end(), [](const Story& a, const Story& b) { return a.took > b.took; });
  if (slow_.size() > kStories) slow_.resize(kStories);
  for (Limited& one : batch.limited) {
    Turned& turned = limited_[{one.route, one.who}];
    turned.times += one.times;
    turned.recent += static_cast<double>(one.times);
    turned.reason = std::move(one.reason);
  }
  while (limited_.size() > kLimited) {
    limited_.erase(std::min_element(limited_.begin(), limited_.end(), [](const auto& a, const auto& b) {
      return a.second.recent < b.second.recent;
    }));
  }
}

json LiveView::history() const {
  json out = json::array();
  for (const Moment& one : history_)
    out.push_back({one.at, rounded(one.rate), rounded(one.client_errors), rounded(one.failures),
                   rounded(one.median), rounded(one.p99), rounded(one.hit_ratio)});
  return out;
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
  out["cache"] = describe_cache(states);
  out["limits"] = describe_limits();
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
                              {"reason", turned.reason},
                              {"last_minute", rounded(turned.recent)},
                              {"total", turned.times}});
  out["failed"] = describe(failed_);
  out["slow"] = describe(slow_);
  return out;
}

json LiveView::describe(const std::deque<Story>& stories) {
  json out = json::array();
  for (const Story& story : stories) {
    json told = json::parse(story.line, nullptr, false);
    if (told.is_object()) out.push_back(std::move(told));
  }
  return out;
}

json LiveView::describe_upstreams(const States& states) const {
  std::map<std::string, json> upstreams;  // those of one may be told apart from each other
  for (const TargetState& state : states.targets) {
    json& upstream = upstreams[state.upstream];
    json one{{"address", state.address},
             {"state", !state.up       ? "down"
                       : state.ejected ? "ejected"
                                       : "up"},
             {"why", state.why},
             {"ejections", state.ejections},
             {"checks_passed", state.checks_passed},
             {"checks_failed", state.checks_failed}};
    const auto meter = targets_.find({state.upstream, state.address});
    add_meter(one, meter != targets_.end() ? meter->second : Meter());
    upstream["targets"].push_back(std::move(one));
  }
  // Those known by a name, whose addresses have the states.
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
    if (state.most > 0)
      upstreams[state.upstream]["breakers"].push_back({{"load", state.load},
                                                       {"limit", state.most},
                                                       {"in_use", state.in_use},
                                                       {"refused", state.refused}});
  }
  json out = json::array();
  for (auto& [name, upstream] : upstreams) {
    upstream["name"] = name;
    out.push_back(std::move(upstream));
  }
  return out;
}

json LiveView::describe_cache(const States& states) const {
  json out{{"hit_ratio", rounded(hit_ratio())},   {"bytes", states.cache.bytes},
           {"limit", states.cache.most_bytes},    {"entries", states.cache.entries},
           {"evictions", states.cache.evictions}, {"routes", json::array()}};
  const CacheState::Disk& disk = states.cache.disk;
  if (disk.most_bytes > 0)
    out["disk"] = {{"bytes", disk.bytes},
                   {"limit", disk.most_bytes},
                   {"entries", disk.entries},
                   {"evictions", disk.evictions},
                   {"lost", disk.damaged + disk.failed}};
  for (const auto& [name, meter] : caches_) {
    const double asked = meter.asked.rate();
    out["routes"].push_back({{"route", name},
                             {"rate", rounded(asked)},
                             {"hit_ratio", asked < 0.001 ? -1 : rounded(meter.answered.rate() / asked)},
                             {"hits", meter.answered.total()},
                             {"misses", meter.asked.total() - meter.answered.total()}});
  }
  return out;
}

json LiveView::describe_limits() const {
  json out = json::array();
  for (const auto& [name, meter] : limits_)
    out.push_back({{"name", name},
                   {"allowed", rounded(meter.allowed.rate())},
                   {"refused", rounded(meter.refused.rate())},
                   {"would_refuse", rounded(meter.would_refuse.rate())},
                   {"unavailable", rounded(meter.unavailable.rate())},
                   {"total_refused", meter.refused.total()}});
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
           {"descriptor_limit", process_.most_descriptors},
           {"started", process_.started_at},
           {"busy", json::array()}};
  for (const RateMeter& one : busy_) out["busy"].push_back(rounded(one.rate() / 1e6));
  return out;
}

}  // namespace portcullis::telemetry
