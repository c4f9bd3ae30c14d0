// What a scrape says: docs/metrics.md describes it.

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <limits>
#include <set>

#include "telemetry/metrics.h"
#include "telemetry/process.h"

namespace portcullis::telemetry {
namespace {

using Labels = std::vector<prometheus::ClientMetric::Label>;
using prometheus::MetricType;

constexpr const char* kClasses[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};  // of a status

template <typename Shards, typename Read>
uint64_t sum(const Shards& shards, Read read) {
  uint64_t total = 0;
  for (const auto& shard : shards) total += read(*shard).get();
  return total;
}

}  // namespace

// One scrape of a registry: the families, in the order in which they are told.
class Exposition {
 public:
  Exposition(const Registry& registry, const States& states) : registry_(registry), states_(states) {}

  std::string text() {
    routes();
    targets();
    consumers();
    policies();
    limits();
    cache();
    connections();
    health();
    breakers();
    splits();
    runtime();
    return prometheus::TextSerializer().Serialize(families_);
  }

 private:
  // A place in `families_`, which may move.
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

  // By class of status; those that there were.
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

  // `counts` by bucket, the last beyond all bounds.
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

  // Idle ones are left out, which keeps a scrape of many small.
  template <typename Shards, typename Read>
  static void add_latency(Family& family, Labels labels, const Shards& shards, Read read) {
    std::vector<uint64_t> counts(kDurationBounds.size() + 1);
    uint64_t micros = 0;
    for (const auto& shard : shards) {
      const Latency& latency = read(*shard);
      for (size_t i = 0; i < counts.size(); ++i) counts[i] += latency.bucket(i).get();
      micros += latency.sum().get();
    }
    prometheus::ClientMetric metric = buckets(kDurationBounds, counts, micros);
    if (metric.histogram.sample_count == 0) return;
    metric.label = std::move(labels);
    family.add(std::move(metric));
  }

  void routes() {
    Family requests = counter("requests_total", "Requests by route and class of status.");
    Family durations =
        histogram("request_duration_seconds", "From the request's first byte to the response's last.");
    Family received = counter("request_body_bytes_total", "Bytes of request bodies.");
    Family sent = counter("response_body_bytes_total", "Bytes of response bodies.");
    for (const auto& [name, shards] : registry_.routes_) {
      add_responses(requests, {{"route", name}}, shards);
      const auto total =
          sum(shards, [](const RouteMetrics& m) -> const Counter& { return m.duration.sum(); });
      add_latency(durations, {{"route", name}}, shards,
                  [](const RouteMetrics& m) -> const Latency& { return m.duration; });
      if (total == 0) continue;
      received.add({{"route", name}},
                   sum(shards, [](const RouteMetrics& m) -> const Counter& { return m.request_body_bytes; }));
      sent.add({{"route", name}},
               sum(shards, [](const RouteMetrics& m) -> const Counter& { return m.response_body_bytes; }));
    }
  }

  void targets() {
    static constexpr const char* kResults[] = {"answered", "connect_failed", "failed", "timed_out",
                                               "abandoned"};
    Family tries = counter("target_tries_total", "Requests sent to a target, by outcome.");
    Family responses = counter("target_responses_total", "What targets answered, by class of status.");
    Family heads = histogram("target_response_seconds",
                             "From the beginning of a try to the head of the target's response.");
    Family opened = counter("target_connections_total", "Connections opened to a target.");
    size_t left = states_.limits.targets;
    for (const auto& [key, held] : registry_.targets_) {
      const auto its_shards = held.lock();
      if (!its_shards || left == 0) continue;
      --left;
      const TargetShards& shards = *its_shards;
      const Labels target{{"upstream", key.first}, {"target", key.second}};
      for (size_t i = 0; i < std::size(kResults); ++i) {
        Labels labels = target;
        labels.push_back({"result", kResults[i]});
        tries.add(std::move(labels),
                  sum(shards, [i](const TargetMetrics& m) -> const Counter& { return m.tries[i]; }));
      }
      add_responses(responses, target, shards);
      add_latency(heads, target, shards, [](const TargetMetrics& m) -> const Latency& { return m.head; });
      opened.add(target, sum(shards, [](const TargetMetrics& m) -> const Counter& { return m.connections; }));
    }
  }

  void consumers() {
    Family by_consumer = counter("consumer_requests_total", "Requests by consumer and class of status.");
    size_t left = states_.limits.consumers;
    std::array<uint64_t, std::size(kClasses)> others{};
    for (const auto& [name, shards] : registry_.consumers_) {
      if (left > 0) {
        --left;
        add_responses(by_consumer, {{"consumer", name}}, shards);
        continue;
      }
      for (size_t i = 0; i < others.size(); ++i)
        others[i] += sum(shards, [i](const ResponseMetrics& m) -> const Counter& { return m.responses[i]; });
    }
    for (size_t i = 0; i < others.size(); ++i) add_class(by_consumer, {{"consumer", "other"}}, i, others[i]);
    Family by_group = counter("group_requests_total",
                              "Requests by group of consumers; one with several groups counts in each.");
    if (states_.groups == nullptr) return;
    for (const Group& group : *states_.groups) {
      for (size_t i = 0; i < std::size(kClasses); ++i) {
        uint64_t count = 0;
        for (const std::string& member : group.members) {
          const auto found = registry_.consumers_.find(member);
          if (found == registry_.consumers_.end()) continue;
          count +=
              sum(found->second, [i](const ResponseMetrics& m) -> const Counter& { return m.responses[i]; });
        }
        add_class(by_group, {{"group", group.name}}, i, count);
      }
    }
  }

  void policies() {
    Family decided =
        counter("policy_decisions_total", "What the policies of a route decided about requests.");
    for (const auto& [key, shards] : registry_.policies_) {
      const auto add = [&, &route = key.first, &name = key.second, &its_shards = shards](
                           const char* outcome, Counter PolicyMetrics::*member) {
        const uint64_t count =
            sum(its_shards, [member](const PolicyMetrics& m) -> const Counter& { return m.*member; });
        if (count > 0) decided.add({{"route", route}, {"policy", name}, {"outcome", outcome}}, count);
      };
      add("continued", &PolicyMetrics::continued);
      add("answered", &PolicyMetrics::answered);
      add("refused", &PolicyMetrics::refused);
    }
  }

  void limits() {
    Family limited = counter("rate_limit_decisions_total", "Requests that a rate limit judged, by outcome.");
    for (const auto& [name, shards] : registry_.limits_) {
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
  }

  void cache() {
    Family cached = counter("cache_requests_total", "Requests that a cache has seen, by route and outcome.");
    Family revalidated =
        counter("cache_revalidations_total", "Stored responses that the upstream said are still good.");
    Family waits = counter("cache_waits_total", "Requests that waited for another's fetch.");
    for (const auto& [name, shards] : registry_.caches_) {
      const auto total = [&its_shards = shards](Counter CacheMetrics::*member) {
        return sum(its_shards, [member](const CacheMetrics& m) -> const Counter& { return m.*member; });
      };
      cached.add({{"route", name}, {"outcome", "hit"}}, total(&CacheMetrics::hits));
      cached.add({{"route", name}, {"outcome", "stale"}}, total(&CacheMetrics::stale));
      cached.add({{"route", name}, {"outcome", "collapsed"}}, total(&CacheMetrics::collapsed));
      cached.add({{"route", name}, {"outcome", "miss"}}, total(&CacheMetrics::misses));
      cached.add({{"route", name}, {"outcome", "bypass"}}, total(&CacheMetrics::bypassed));
      revalidated.add({{"route", name}}, total(&CacheMetrics::revalidated));
      waits.add({{"route", name}}, total(&CacheMetrics::waited));
    }
    gauge("cache_bytes", "What the stored responses take.").add({}, states_.cache.bytes);
    gauge("cache_limit_bytes", "What they may take.").add({}, states_.cache.most_bytes);
    gauge("cache_entries", "How many there are.").add({}, states_.cache.entries);
    gauge("cache_filling_bytes", "What those take that are being received.")
        .add({}, states_.cache.filling_bytes);
    counter("cache_evictions_total", "Stored responses given up for want of room.")
        .add({}, states_.cache.evictions);
    counter("cache_purged_total", "Stored responses purged, or ended by an unsafe request.")
        .add({}, states_.cache.purged);
  }

  uint64_t of_workers(Counter WorkerMetrics::*member) const {
    return sum(registry_.workers_, [member](const WorkerMetrics& m) -> const Counter& { return m.*member; });
  }

  void connections() {
    const uint64_t closed = of_workers(&WorkerMetrics::closed);  // before accepted: it is never the larger
    const uint64_t accepted = of_workers(&WorkerMetrics::accepted);
    counter("client_connections_total", "Client connections accepted.").add({}, accepted);
    gauge("client_connections", "Client connections open now.").add({}, accepted - closed);
    counter("client_connections_refused_total", "Closed at once: the listener's limit was reached.")
        .add({}, of_workers(&WorkerMetrics::refused));
    const auto by_listener = [this](Family family, std::atomic<uint64_t> ListenerMetrics::*member) {
      for (const auto& [address, listener] : registry_.listeners_)
        family.add({{"address", address}}, (listener.*member).load(std::memory_order_relaxed));
    };
    by_listener(gauge("listener_connections", "Client connections open now, by listener address."),
                &ListenerMetrics::open_connections);
    Family handshakes =
        counter("tls_handshakes_total", "TLS handshakes with clients, by listener address and outcome.");
    for (const auto& [address, listener] : registry_.listeners_) {
      const auto add = [&, &at = address](const char* outcome, const std::atomic<uint64_t>& count) {
        handshakes.add({{"address", at}, {"outcome", outcome}}, count.load(std::memory_order_relaxed));
      };
      add("full", listener.handshakes_full);
      add("resumed", listener.handshakes_resumed);
      add("failed", listener.handshakes_failed);
    }
    by_listener(counter("tls_kernel_connections_total",
                        "Connections whose responses the kernel encrypts, by listener address."),
                &ListenerMetrics::in_kernel);
    by_listener(
        counter("proxy_headers_refused_total",
                "Connections of load balancers closed for a missing or malformed PROXY header, by listener "
                "address."),
        &ListenerMetrics::proxy_headers_refused);
    by_listener(counter("http2_floods_total",
                        "HTTP/2 connections ended because of what only costs time, by listener address."),
                &ListenerMetrics::http2_floods);
  }

  void health() {
    Family up = gauge("target_up", "Whether the health check has found the target well.");
    Family available = gauge("target_available", "Whether it gets requests: it is up, and not left out.");
    Family ejections = counter("target_ejections_total", "How often it has been left out for what it did.");
    Family checks = counter("health_checks_total", "Health checks, by result.");
    size_t left = states_.limits.targets;
    for (const TargetState& one : states_.targets) {
      if (left-- == 0) break;
      const Labels target{{"upstream", one.upstream}, {"address", one.address}};
      const auto with = [&target](const char* result) {
        Labels labels = target;
        labels.push_back({"result", result});
        return labels;
      };
      up.add(target, uint64_t{one.up ? 1u : 0u});
      available.add(target, uint64_t{one.up && !one.ejected ? 1u : 0u});
      ejections.add(target, one.ejections);
      checks.add(with("passed"), one.checks_passed);
      checks.add(with("failed"), one.checks_failed);
    }
  }

  void breakers() {
    Family use = gauge("breaker_in_use", "What an upstream with a circuit breaker bears now, by load.");
    Family limit = gauge("breaker_limit", "What it may bear at most.");
    Family refused = counter("breaker_refused_total", "Requests and retries turned away by it.");
    for (const BreakerState& one : states_.breakers) {
      const Labels load{{"upstream", one.upstream}, {"load", one.load}};
      use.add(load, one.in_use);
      limit.add(load, one.most);
      refused.add(load, one.refused);
    }
  }

  void splits() {
    Family by_branch =
        counter("branch_requests_total", "Requests by branch of a route's split and class of status.");
    for (const auto& [key, shards] : registry_.branches_)
      add_responses(by_branch, {{"route", key.first}, {"branch", key.second}}, shards);
    Family mirrored = counter("mirrored_requests_total", "Copies of requests, by upstream and outcome.");
    for (const auto& [upstream, mirror] : registry_.mirrors_) {
      const auto add = [&, &its_name = upstream](const char* outcome, const std::atomic<uint64_t>& count) {
        mirrored.add({{"upstream", its_name}, {"outcome", outcome}}, count.load(std::memory_order_relaxed));
      };
      add("answered", mirror.answered);
      add("failed", mirror.failed);
      add("dropped", mirror.dropped);
    }
    Family rolled_back =
        gauge("branch_rolled_back", "Whether the branch is out, for what its requests have come to.");
    Family rollbacks = counter("branch_rollbacks_total", "How often it has been taken out.");
    for (const BranchState& one : states_.branches) {
      const Labels branch{{"route", one.route}, {"branch", one.name}};
      rolled_back.add(branch, uint64_t{one.rolled_back ? 1u : 0u});
      rollbacks.add(branch, one.rollbacks);
    }
  }

  void runtime() {
    counter("access_log_dropped_total", "Log lines dropped because writing could not keep up.")
        .add({}, of_workers(&WorkerMetrics::log_lines_dropped));
    Family spans = counter("trace_spans_total", "Spans for the collector of traces, by outcome.");
    spans.add({{"outcome", "exported"}}, states_.traces.exported);
    spans.add({{"outcome", "dropped"}}, states_.traces.dropped);
    Family reloads = counter("reloads_total", "Configuration reloads, by result.");
    reloads.add({{"result", "refused"}}, registry_.reloads_[0].get());
    reloads.add({{"result", "succeeded"}}, registry_.reloads_[1].get());
    gauge("config_version", "Number of the configuration that is serving.")
        .add({}, registry_.config_version_);
    gauge("build_info", "1; the version is in the label.")
        .add({{"version", PORTCULLIS_VERSION}}, uint64_t{1});
    Family rounds =
        histogram("worker_round_seconds",
                  "How long a worker was busy with what had come at once: how long the next had to wait.");
    for (size_t i = 0; i < registry_.workers_.size(); ++i) {
      const WorkerMetrics& worker = *registry_.workers_[i];
      std::vector<uint64_t> counts;
      for (const Counter& count : worker.rounds) counts.push_back(count.get());
      prometheus::ClientMetric metric = buckets(kRoundBounds, counts, worker.busy.get());
      metric.label = {{"worker", std::to_string(i)}};
      rounds.add(std::move(metric));
    }
    const ProcessState process = read_process_state();
    const auto standard = [this](Family family, const char* name, double value) {
      families_.back().name = name;  // those that every Prometheus client has
      family.add({}, value);
    };
    standard(counter("", "User and system CPU time spent."), "process_cpu_seconds_total",
             process.cpu_seconds);
    standard(gauge("", "Resident memory."), "process_resident_memory_bytes", process.resident_bytes);
    standard(gauge("", "Open file descriptors."), "process_open_fds", process.open_descriptors);
    standard(gauge("", "Most of them."), "process_max_fds", process.most_descriptors);
    standard(gauge("", "When it started, since 1970."), "process_start_time_seconds", process.started_at);
  }

  const Registry& registry_;
  const States& states_;
  std::vector<prometheus::MetricFamily> families_;
};

std::string Registry::scrape(const States& states) const {
  return Exposition(*this, states).text();
}

}  // namespace portcullis::telemetry
