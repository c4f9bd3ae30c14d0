#include "telemetry/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <limits>

namespace portcullis::telemetry {
namespace {

using Labels = std::vector<prometheus::ClientMetric::Label>;

struct Family {
  prometheus::MetricFamily family;

  Family(std::string name, std::string help, prometheus::MetricType type) {
    family.name = "portcullis_" + std::move(name);
    family.help = std::move(help);
    family.type = type;
  }
  void add(Labels labels, uint64_t value) {
    prometheus::ClientMetric metric;
    metric.label = std::move(labels);
    if (family.type == prometheus::MetricType::Gauge) {
      metric.gauge.value = static_cast<double>(value);
    } else {
      metric.counter.value = static_cast<double>(value);
    }
    family.metric.push_back(std::move(metric));
  }
};

constexpr const char* kClasses[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};  // of a status

template <typename Shards, typename Read>
uint64_t sum(const Shards& shards, Read read) {
  uint64_t total = 0;
  for (const auto& shard : shards) total += read(*shard).get();
  return total;
}

template <typename T>
std::vector<T*> pointers(std::vector<std::unique_ptr<T>>& shards, size_t workers) {
  std::vector<T*> out;
  while (shards.size() < workers) shards.push_back(std::make_unique<T>());
  out.reserve(shards.size());
  for (const auto& shard : shards) out.push_back(shard.get());
  return out;
}

// By class of status; those that there were.
template <typename Shards>
void add_responses(Family& family, const Labels& labels, const Shards& shards) {
  for (size_t i = 0; i < std::size(kClasses); ++i) {
    const auto count =
        sum(shards, [i](const auto& metrics) -> const Counter& { return metrics.responses[i]; });
    if (count == 0) continue;
    Labels with_class = labels;
    with_class.push_back({"status", kClasses[i]});
    family.add(std::move(with_class), count);
  }
}

prometheus::ClientMetric histogram(const std::vector<std::unique_ptr<RouteMetrics>>& shards) {
  prometheus::ClientMetric metric;
  uint64_t cumulative = 0;
  for (size_t i = 0; i <= kDurationBounds.size(); ++i) {
    cumulative += sum(shards, [i](const RouteMetrics& m) -> const Counter& { return m.durations[i]; });
    const double bound = i < kDurationBounds.size() ? static_cast<double>(kDurationBounds[i]) / 1e6
                                                    : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({cumulative, bound});
  }
  metric.histogram.sample_count = cumulative;
  const auto micros = sum(shards, [](const RouteMetrics& m) -> const Counter& { return m.duration_sum; });
  metric.histogram.sample_sum = static_cast<double>(micros) / 1e6;
  return metric;
}

}  // namespace

void RouteMetrics::note_duration(std::chrono::microseconds duration) {
  const auto micros = static_cast<uint64_t>(std::max<int64_t>(duration.count(), 0));
  const auto bound = std::lower_bound(kDurationBounds.begin(), kDurationBounds.end(), micros);
  durations[static_cast<size_t>(bound - kDurationBounds.begin())].add();
  duration_sum.add(micros);
}

Registry::Registry(size_t workers) {
  pointers(workers_, workers);
}

std::vector<RouteMetrics*> Registry::route(const std::string& name) {
  return pointers(routes_[name], workers_.size());
}

std::shared_ptr<const TargetShards> Registry::target(const std::string& upstream, const std::string& target) {
  std::weak_ptr<const TargetShards>& place = targets_[{upstream, target}];
  if (auto known = place.lock()) return known;
  auto made = std::make_shared<TargetShards>();
  while (made->size() < workers_.size()) made->push_back(std::make_unique<TargetMetrics>());
  place = made;
  if (targets_.size() > 2 * known_targets_ + 16) {
    std::erase_if(targets_, [](const auto& one) { return one.second.expired(); });
    known_targets_ = targets_.size();
  }
  return made;
}

std::vector<ResponseMetrics*> Registry::consumer(const std::string& name) {
  return pointers(consumers_[name], workers_.size());
}

std::vector<ResponseMetrics*> Registry::branch(const std::string& route, const std::string& name) {
  return pointers(branches_[{route, name}], workers_.size());
}

std::vector<LimitMetrics*> Registry::limit(const std::string& name) {
  return pointers(limits_[name], workers_.size());
}

std::vector<CacheMetrics*> Registry::cache(const std::string& route) {
  return pointers(caches_[route], workers_.size());
}

std::string Registry::scrape(const States& states) const {
  using prometheus::MetricType;
  Family requests("requests_total", "Requests by route and class of status.", MetricType::Counter);
  Family durations("request_duration_seconds", "From the request's first byte to the response's last.",
                   MetricType::Histogram);
  Family received("request_body_bytes_total", "Bytes of request bodies.", MetricType::Counter);
  Family sent("response_body_bytes_total", "Bytes of response bodies.", MetricType::Counter);
  for (const auto& [name, shards] : routes_) {
    add_responses(requests, {{"route", name}}, shards);
    prometheus::ClientMetric duration = histogram(shards);
    if (duration.histogram.sample_count == 0) continue;  // keeps a scrape of many idle routes small
    duration.label = {{"route", name}};
    durations.family.metric.push_back(std::move(duration));
    received.add({{"route", name}},
                 sum(shards, [](const RouteMetrics& m) -> const Counter& { return m.request_body_bytes; }));
    sent.add({{"route", name}},
             sum(shards, [](const RouteMetrics& m) -> const Counter& { return m.response_body_bytes; }));
  }
  Family tries("target_tries_total", "Requests sent to a target, by outcome.", MetricType::Counter);
  Family opened("target_connections_total", "Connections opened to a target.", MetricType::Counter);
  for (const auto& [key, held] : targets_) {
    const auto its_shards = held.lock();
    if (!its_shards) continue;
    const TargetShards& shards = *its_shards;
    static constexpr const char* kResults[] = {"answered", "connect_failed", "failed", "timed_out",
                                               "abandoned"};
    for (size_t i = 0; i < 5; ++i) {
      tries.add({{"upstream", key.first}, {"target", key.second}, {"result", kResults[i]}},
                sum(shards, [i](const TargetMetrics& m) -> const Counter& { return m.tries[i]; }));
    }
    opened.add({{"upstream", key.first}, {"target", key.second}},
               sum(shards, [](const TargetMetrics& m) -> const Counter& { return m.connections; }));
  }
  const auto total = [&](Counter WorkerMetrics::*member) {
    return sum(workers_, [member](const WorkerMetrics& m) -> const Counter& { return m.*member; });
  };
  Family accepted("client_connections_total", "Client connections accepted.", MetricType::Counter);
  accepted.add({}, total(&WorkerMetrics::accepted));
  Family open("client_connections", "Client connections open now.", MetricType::Gauge);
  const uint64_t closed = total(&WorkerMetrics::closed);  // before accepted, so that it is never the larger
  open.add({}, total(&WorkerMetrics::accepted) - closed);
  Family by_listener("listener_connections", "Client connections open now, by listener address.",
                     MetricType::Gauge);
  for (const auto& [address, listener] : listeners_)
    by_listener.add({{"address", address}}, listener.open_connections.load(std::memory_order_relaxed));
  Family handshakes("tls_handshakes_total", "TLS handshakes with clients, by listener address and outcome.",
                    MetricType::Counter);
  for (const auto& [address, listener] : listeners_) {
    const auto add = [&, &at = address](const char* outcome, const std::atomic<uint64_t>& count) {
      handshakes.add({{"address", at}, {"outcome", outcome}}, count.load(std::memory_order_relaxed));
    };
    add("full", listener.handshakes_full);
    add("resumed", listener.handshakes_resumed);
    add("failed", listener.handshakes_failed);
  }
  Family in_kernel("tls_kernel_connections_total",
                   "Connections whose responses the kernel encrypts, by listener address.",
                   MetricType::Counter);
  for (const auto& [address, listener] : listeners_)
    in_kernel.add({{"address", address}}, listener.in_kernel.load(std::memory_order_relaxed));
  Family unannounced(
      "proxy_headers_refused_total",
      "Connections of load balancers closed for a missing or malformed PROXY header, by listener address.",
      MetricType::Counter);
  for (const auto& [address, listener] : listeners_)
    unannounced.add({{"address", address}}, listener.proxy_headers_refused.load(std::memory_order_relaxed));
  Family floods("http2_floods_total",
                "HTTP/2 connections ended because of what only costs time, by listener address.",
                MetricType::Counter);
  for (const auto& [address, listener] : listeners_)
    floods.add({{"address", address}}, listener.http2_floods.load(std::memory_order_relaxed));
  Family refused("client_connections_refused_total", "Closed at once: the listener's limit was reached.",
                 MetricType::Counter);
  refused.add({}, total(&WorkerMetrics::refused));
  Family dropped("access_log_dropped_total", "Log lines dropped because writing could not keep up.",
                 MetricType::Counter);
  dropped.add({}, total(&WorkerMetrics::log_lines_dropped));
  Family reloads("reloads_total", "Configuration reloads, by result.", MetricType::Counter);
  reloads.add({{"result", "refused"}}, reloads_[0].get());
  reloads.add({{"result", "succeeded"}}, reloads_[1].get());
  Family version("config_version", "Number of the configuration that is serving.", MetricType::Gauge);
  version.add({}, config_version_);

  Family by_consumer("consumer_requests_total", "Requests by consumer and class of status.",
                     MetricType::Counter);
  for (const auto& [name, shards] : consumers_) add_responses(by_consumer, {{"consumer", name}}, shards);
  Family by_branch("branch_requests_total", "Requests by branch of a route's split and class of status.",
                   MetricType::Counter);
  for (const auto& [key, shards] : branches_)
    add_responses(by_branch, {{"route", key.first}, {"branch", key.second}}, shards);
  Family breaker_use("breaker_in_use", "What an upstream with a circuit breaker bears now, by load.",
                     MetricType::Gauge);
  Family breaker_limit("breaker_limit", "What it may bear at most.", MetricType::Gauge);
  Family breaker_refused("breaker_refused_total", "Requests and retries turned away by it.",
                         MetricType::Counter);
  for (const BreakerState& one : states.breakers) {
    const Labels load{{"upstream", one.upstream}, {"load", one.load}};
    breaker_use.add(load, one.in_use);
    breaker_limit.add(load, one.most);
    breaker_refused.add(load, one.refused);
  }
  Family mirrored("mirrored_requests_total", "Copies of requests, by upstream and outcome.",
                  MetricType::Counter);
  for (const auto& [upstream, mirror] : mirrors_) {
    const auto add = [&, &its_name = upstream](const char* outcome, const std::atomic<uint64_t>& count) {
      mirrored.add({{"upstream", its_name}, {"outcome", outcome}}, count.load(std::memory_order_relaxed));
    };
    add("answered", mirror.answered);
    add("failed", mirror.failed);
    add("dropped", mirror.dropped);
  }
  Family rolled_back("branch_rolled_back", "Whether the branch is out, for what its requests have come to.",
                     MetricType::Gauge);
  Family rollbacks("branch_rollbacks_total", "How often it has been taken out.", MetricType::Counter);
  for (const BranchState& one : states.branches) {
    const Labels branch{{"route", one.route}, {"branch", one.name}};
    rolled_back.add(branch, one.rolled_back ? 1 : 0);
    rollbacks.add(branch, one.rollbacks);
  }
  Family limited("rate_limit_decisions_total", "Requests that a rate limit judged, by outcome.",
                 MetricType::Counter);
  for (const auto& [name, shards] : limits_) {
    const auto add = [&, &its_name = name, &its_shards = shards](const char* outcome,
                                                                 Counter LimitMetrics::*member) {
      limited.add({{"limit", its_name}, {"outcome", outcome}},
                  sum(its_shards, [member](const LimitMetrics& m) -> const Counter& { return m.*member; }));
    };
    add("allowed", &LimitMetrics::allowed);
    add("refused", &LimitMetrics::refused);
    add("would_refuse", &LimitMetrics::would_refuse);
    add("unavailable", &LimitMetrics::unavailable);
  }

  Family cached("cache_requests_total", "Requests that a cache has seen, by route and outcome.",
                MetricType::Counter);
  for (const auto& [name, shards] : caches_) {
    const auto add = [&, &its_name = name, &its_shards = shards](const char* outcome,
                                                                 Counter CacheMetrics::*member) {
      cached.add({{"route", its_name}, {"outcome", outcome}},
                 sum(its_shards, [member](const CacheMetrics& m) -> const Counter& { return m.*member; }));
    };
    add("hit", &CacheMetrics::hits);
    add("stale", &CacheMetrics::stale);
    add("collapsed", &CacheMetrics::collapsed);
    add("miss", &CacheMetrics::misses);
    add("bypass", &CacheMetrics::bypassed);
  }
  Family revalidated("cache_revalidations_total", "Stored responses that the upstream said are still good.",
                     MetricType::Counter);
  Family waits("cache_waits_total", "Requests that waited for another's fetch.", MetricType::Counter);
  for (const auto& [name, shards] : caches_) {
    revalidated.add({{"route", name}},
                    sum(shards, [](const CacheMetrics& m) -> const Counter& { return m.revalidated; }));
    waits.add({{"route", name}},
              sum(shards, [](const CacheMetrics& m) -> const Counter& { return m.waited; }));
  }
  Family cache_bytes("cache_bytes", "What the stored responses take.", MetricType::Gauge);
  cache_bytes.add({}, states.cache.bytes);
  Family cache_limit("cache_limit_bytes", "What they may take.", MetricType::Gauge);
  cache_limit.add({}, states.cache.most_bytes);
  Family cache_entries("cache_entries", "How many there are.", MetricType::Gauge);
  cache_entries.add({}, states.cache.entries);
  Family cache_filling("cache_filling_bytes", "What those take that are being received.", MetricType::Gauge);
  cache_filling.add({}, states.cache.filling_bytes);
  Family evictions("cache_evictions_total", "Stored responses given up for want of room.",
                   MetricType::Counter);
  evictions.add({}, states.cache.evictions);
  Family purged("cache_purged_total", "Stored responses purged, or ended by an unsafe request.",
                MetricType::Counter);
  purged.add({}, states.cache.purged);

  Family up("target_up", "Whether the health check has found the target well.", MetricType::Gauge);
  Family available("target_available", "Whether it gets requests: it is up, and not left out.",
                   MetricType::Gauge);
  Family ejections("target_ejections_total", "How often it has been left out for what it did.",
                   MetricType::Counter);
  Family checks("health_checks_total", "Health checks, by result.", MetricType::Counter);
  for (const TargetState& one : states.targets) {
    const Labels target{{"upstream", one.upstream}, {"address", one.address}};
    const auto with = [&target](const char* result) {
      Labels labels = target;
      labels.push_back({"result", result});
      return labels;
    };
    up.add(target, one.up ? 1 : 0);
    available.add(target, one.up && !one.ejected ? 1 : 0);
    ejections.add(target, one.ejections);
    checks.add(with("passed"), one.checks_passed);
    checks.add(with("failed"), one.checks_failed);
  }

  std::vector<prometheus::MetricFamily> all;
  for (Family* one : {&requests,      &durations,       &received,    &sent,
                      &tries,         &opened,          &accepted,    &open,
                      &by_listener,   &handshakes,      &in_kernel,   &unannounced,
                      &floods,        &refused,         &dropped,     &reloads,
                      &version,       &by_consumer,     &by_branch,   &breaker_use,
                      &breaker_limit, &breaker_refused, &mirrored,    &rolled_back,
                      &rollbacks,     &limited,         &up,          &available,
                      &ejections,     &checks,          &cached,      &revalidated,
                      &waits,         &cache_bytes,     &cache_limit, &cache_entries,
                      &cache_filling, &evictions,       &purged}) {
    all.push_back(std::move(one->family));
  }
  return prometheus::TextSerializer().Serialize(all);
}

}  // namespace portcullis::telemetry
