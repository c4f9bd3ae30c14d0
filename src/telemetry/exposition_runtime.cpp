// The metrics of the process: connections, health, and the load of the workers.

#include "base/faults.h"
#include "telemetry/exposition.h"
#include "telemetry/process.h"

namespace portcullis::telemetry {

void Exposition::connections() {
  const uint64_t closed =
      of_workers(&WorkerMetrics::closed);  // read before `accepted`, so that it is never larger
  const uint64_t accepted = of_workers(&WorkerMetrics::accepted);
  counter("client_connections_total", "Client connections accepted.").add({}, accepted);
  gauge("client_connections", "Client connections open now.").add({}, accepted - closed);
  Family refused =
      counter("client_connections_refused_total", "Closed at once, by the limit that was reached.");
  refused.add({{"limit", "connections"}}, of_workers(&WorkerMetrics::refused));
  refused.add({{"limit", "connections_per_address"}}, of_workers(&WorkerMetrics::refused_by_address));
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
  Family ends = gauge(
      "tls_certificate_expiry_timestamp_seconds",
      "When a certificate expires, in seconds since 1970, by file; only the certificates that expire first.");
  for (const auto& [file, end] : states_.certificates) ends.add({{"certificate", file}}, end);
  by_listener(counter("tls_kernel_connections_total",
                      "Connections whose responses the kernel encrypts, by listener address."),
              &ListenerMetrics::in_kernel);
  by_listener(
      counter("proxy_headers_refused_total",
              "Connections of load balancers closed for a missing or malformed PROXY header, by listener "
              "address."),
      &ListenerMetrics::proxy_headers_refused);
  by_listener(
      counter("http2_floods_total",
              "HTTP/2 connections ended because of too many frames without use, by listener address."),
      &ListenerMetrics::http2_floods);
}

void Exposition::health() {
  Family up = gauge("target_up", "Whether the target passes its health check.");
  Family available =
      gauge("target_available", "Whether the target gets requests: it is up, and not ejected.");
  Family drained = gauge("target_drained", "Whether an operator has drained the target.");
  Family ejections = counter("target_ejections_total", "How often the target has been ejected.");
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
    available.add(target, uint64_t{one.up && !one.ejected && !one.drained ? 1u : 0u});
    drained.add(target, uint64_t{one.drained ? 1u : 0u});
    ejections.add(target, one.ejections);
    checks.add(with("passed"), one.checks_passed);
    checks.add(with("failed"), one.checks_failed);
  }
}

void Exposition::breakers() {
  Family use =
      gauge("breaker_in_use", "The present load of an upstream with a circuit breaker, by kind of load.");
  Family limit = gauge("breaker_limit", "The circuit breaker's limit, by kind of load.");
  Family refused = counter("breaker_refused_total", "Requests and retries that the circuit breaker refused.");
  for (const BreakerState& one : states_.breakers) {
    const Labels load{{"upstream", one.upstream}, {"load", one.load}};
    use.add(load, one.in_use);
    limit.add(load, one.most);
    refused.add(load, one.refused);
  }
}

void Exposition::splits() {
  Family by_branch =
      counter("branch_requests_total", "Requests by branch of a route's split and class of status.");
  for (const auto& [key, shards] : registry_.branches_)
    add_responses(by_branch, {{"route", key.first}, {"branch", key.second}}, shards);
  Family rolled_back =
      gauge("branch_rolled_back", "Whether the branch is rolled back because of its results.");
  Family rollbacks = counter("branch_rollbacks_total", "How often the branch has been rolled back.");
  for (const BranchState& one : states_.branches) {
    const Labels branch{{"route", one.route}, {"branch", one.name}};
    rolled_back.add(branch, uint64_t{one.rolled_back ? 1u : 0u});
    rollbacks.add(branch, one.rollbacks);
  }
}

void Exposition::runtime() {
  counter("access_log_dropped_total",
          "Lines of the access log dropped because writing could not keep up, or failed.")
      .add({}, of_workers(&WorkerMetrics::log_lines_dropped) + states_.log_lines_lost);
  Family faults = counter("faults_total", "Faults while the process serves, by kind.");
  for (size_t i = 0; i < kFaultKinds; ++i) {
    const auto kind = static_cast<Fault>(i);
    faults.add({{"fault", std::string(name_of(kind))}}, faults_counted(kind));
  }
  Family messages = counter("log_messages_total", "Messages of the process log, by level.");
  for (const Level level : kLevels)
    messages.add({{"level", std::string(name_of(level))}}, messages_said(level));
  Family spans = counter("trace_spans_total", "Spans for the collector of traces, by outcome.");
  spans.add({{"outcome", "exported"}}, states_.traces.exported);
  spans.add({{"outcome", "dropped"}}, states_.traces.dropped);
  Family reloads = counter("reloads_total", "Configuration reloads, by result.");
  reloads.add({{"result", "refused"}}, registry_.reloads_[0].get());
  reloads.add({{"result", "succeeded"}}, registry_.reloads_[1].get());
  gauge("config_version", "Number of the configuration that is serving.").add({}, registry_.config_version_);
  gauge("build_info", "1; the version is in the label.").add({{"version", PORTCULLIS_VERSION}}, uint64_t{1});
  Family rounds =
      histogram("worker_round_seconds",
                "How long a worker was busy with one batch of events, while the next events had to wait.");
  for (size_t i = 0; i < registry_.workers_.size(); ++i) {
    const WorkerMetrics& worker = *registry_.workers_[i];
    std::vector<uint64_t> counts;
    for (const Counter& count : worker.rounds) counts.push_back(count.get());
    prometheus::ClientMetric metric = buckets(kRoundBounds, counts, worker.busy.get());
    metric.label = {{"worker", std::to_string(i)}};
    rounds.add(std::move(metric));
  }
  Family lags = histogram("worker_lag_seconds", "How long events wait for a worker, measured by probes.");
  for (size_t i = 0; i < registry_.workers_.size(); ++i) {
    const std::array<const WorkerMetrics*, 1> worker{registry_.workers_[i].get()};
    add_latency(lags, {{"worker", std::to_string(i)}}, worker,
                [](const WorkerMetrics& m) -> const Latency& { return m.lag; });
  }
  overload();
  const ProcessState process = read_process_state();
  const auto standard = [this](Family family, const char* name, double value) {
    families_.back().name = name;  // names that all Prometheus clients share
    family.add({}, value);
  };
  standard(counter("", "User and system CPU time spent."), "process_cpu_seconds_total", process.cpu_seconds);
  standard(gauge("", "Resident memory."), "process_resident_memory_bytes", process.resident_bytes);
  standard(gauge("", "Open file descriptors."), "process_open_fds", process.open_descriptors);
  standard(gauge("", "Max number of open file descriptors."), "process_max_fds", process.most_descriptors);
  standard(gauge("", "Start time of the process, in seconds since 1970."), "process_start_time_seconds",
           process.started_at);
}

void Exposition::overload() {
  Family pressure = gauge("overload_pressure", "The part of its limit that the process uses, by resource.");
  if (states_.overload.memory >= 0) pressure.add({{"resource", "memory"}}, states_.overload.memory);
  if (states_.overload.descriptors >= 0)
    pressure.add({{"resource", "descriptors"}}, states_.overload.descriptors);
  gauge("overload_level",
        "What the gateway sheds: 0 nothing, 1 idle connections, 2 also new connections, 3 also requests.")
      .add({}, static_cast<uint64_t>(states_.overload.level));
  counter("overload_refused_total", "Requests refused because of overload.")
      .add({}, of_workers(&WorkerMetrics::shed));
}

}  // namespace portcullis::telemetry
