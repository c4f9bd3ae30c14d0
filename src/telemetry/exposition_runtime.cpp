// The metrics of the process: connections, health, and the load of the workers.

#include "base/faults.h"
#include "telemetry/exposition.h"
#include "telemetry/process.h"

namespace portcullis::telemetry {

void Exposition::connections() {
  const uint64_t closed =
      of_workers(&WorkerMetrics::closed);  // read before `accepted`, so that it is never larger
  const uint64_t accepted = of_workers(&WorkerMetrics::accepted);
  counter("client_connections_total", "Client connections that the gateway has accepted.").add({}, accepted);
  gauge("client_connections", "Client connections that are open now.").add({}, accepted - closed);
  Family refused = counter("client_connections_refused_total",
                           "Client connections that the gateway closed at once because a limit was reached, "
                           "by limit (connections or connections_per_address).");
  refused.add({{"limit", "connections"}}, of_workers(&WorkerMetrics::refused));
  refused.add({{"limit", "connections_per_address"}}, of_workers(&WorkerMetrics::refused_by_address));
  const auto by_listener = [this](Family family, std::atomic<uint64_t> ListenerMetrics::*member) {
    for (const auto& [address, listener] : registry_.listeners_)
      family.add({{"address", address}}, (listener.*member).load(std::memory_order_relaxed));
  };
  by_listener(
      gauge("listener_connections", "Client connections that are open now, by address of the listener."),
      &ListenerMetrics::open_connections);
  Family handshakes = counter(
      "tls_handshakes_total",
      "TLS handshakes with clients, by address of the listener and outcome (full, resumed or failed).");
  for (const auto& [address, listener] : registry_.listeners_) {
    const auto add = [&, &at = address](const char* outcome, const std::atomic<uint64_t>& count) {
      handshakes.add({{"address", at}, {"outcome", outcome}}, count.load(std::memory_order_relaxed));
    };
    add("full", listener.handshakes_full);
    add("resumed", listener.handshakes_resumed);
    add("failed", listener.handshakes_failed);
  }
  Family ends = gauge("tls_certificate_expiry_timestamp_seconds",
                      "Time at which a certificate expires, in seconds since 1970, by file of the "
                      "certificate. Only the 200 certificates that expire first have a series.");
  for (const auto& [file, end] : states_.certificates) ends.add({{"certificate", file}}, end);
  by_listener(
      counter(
          "tls_kernel_connections_total",
          "TLS connections whose responses the kernel encrypts (tls.kernel), by address of the listener."),
      &ListenerMetrics::in_kernel);
  by_listener(counter("proxy_headers_refused_total",
                      "Connections that the gateway closed because a load balancer sent no PROXY header or a "
                      "malformed one, by address of the listener."),
              &ListenerMetrics::proxy_headers_refused);
  by_listener(counter("http2_floods_total",
                      "HTTP/2 connections that the gateway closed because the client sent too many frames "
                      "that serve no request, by address of the listener."),
              &ListenerMetrics::http2_floods);
}

void Exposition::health() {
  Family up = gauge("target_up",
                    "1 while the target passes its health checks, 0 while it fails them, by upstream and "
                    "address of the target.");
  Family available = gauge("target_available",
                           "1 while the target gets requests, 0 while it is down, ejected or drained, by "
                           "upstream and address of the target.");
  Family drained =
      gauge("target_drained",
            "1 while an operator keeps the target drained, else 0, by upstream and address of the target.");
  Family ejections =
      counter("target_ejections_total",
              "Ejections of the target because of failed requests, by upstream and address of the target.");
  Family checks = counter(
      "health_checks_total",
      "Health checks that have ended, by upstream, address of the target and result (passed or failed).");
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
  Family use = gauge("breaker_in_use",
                     "Present load of an upstream with a circuit breaker, by upstream and kind of load (the "
                     "number of connections, pending requests, requests or retries).");
  Family limit = gauge("breaker_limit",
                       "Largest load that the circuit breaker of an upstream allows, by upstream and kind of "
                       "load (the number of connections, pending requests, requests or retries).");
  Family refused = counter("breaker_refused_total",
                           "Requests and retries that the circuit breaker of an upstream refused, by "
                           "upstream and the kind of load whose limit was reached.");
  for (const BreakerState& one : states_.breakers) {
    const Labels load{{"upstream", one.upstream}, {"load", one.load}};
    use.add(load, one.in_use);
    limit.add(load, one.max);
    refused.add(load, one.refused);
  }
}

void Exposition::splits() {
  Family by_branch = counter("branch_requests_total",
                             "Requests that have ended, by route with a split, branch and class of status.");
  for (const auto& [key, shards] : registry_.branches_)
    add_responses(by_branch, {{"route", key.first}, {"branch", key.second}}, shards);
  Family rolled_back =
      gauge("branch_rolled_back",
            "1 while a branch gets no requests because it failed too often, else 0, by route and branch.");
  Family rollbacks =
      counter("branch_rollbacks_total", "Automatic rollbacks of a branch, by route and branch.");
  for (const BranchState& one : states_.branches) {
    const Labels branch{{"route", one.route}, {"branch", one.name}};
    rolled_back.add(branch, uint64_t{one.rolled_back ? 1u : 0u});
    rollbacks.add(branch, one.rollbacks);
  }
}

void Exposition::runtime() {
  counter("access_log_dropped_total",
          "Lines of the access log that were dropped because they came faster than they could be written, or "
          "because writing failed.")
      .add({}, of_workers(&WorkerMetrics::log_lines_dropped) + states_.log_lines_lost);
  Family faults = counter("faults_total", "Problems while the process serves, by kind of fault.");
  for (size_t i = 0; i < kFaultKinds; ++i) {
    const auto kind = static_cast<Fault>(i);
    faults.add({{"fault", std::string(name_of(kind))}}, faults_counted(kind));
  }
  Family messages = counter("log_messages_total",
                            "Messages for the process log, by level. Messages below the configured level are "
                            "counted too, although they are not written.");
  for (const Level level : kLevels)
    messages.add({{"level", std::string(name_of(level))}}, messages_said(level));
  Family spans = counter("trace_spans_total",
                         "Spans of traces, by outcome (exported: the collector accepted the span; dropped: "
                         "it did not reach the collector).");
  spans.add({{"outcome", "exported"}}, states_.traces.exported);
  spans.add({{"outcome", "dropped"}}, states_.traces.dropped);
  Family reloads =
      counter("reloads_total",
              "Reloads of the configuration, by result (succeeded, or refused because of an error).");
  reloads.add({{"result", "refused"}}, registry_.reloads_[0].get());
  reloads.add({{"result", "succeeded"}}, registry_.reloads_[1].get());
  gauge("revision",
        "Number of the revision of the configuration in force; each revision that takes effect gets a higher "
        "number.")
      .add({}, registry_.revision_);
  gauge("canary_revision", "Number of the revision that serves a share of the requests as a canary, else 0.")
      .add({}, registry_.canary_);
  gauge("build_info", "Always 1. The label version has the version of the gateway.")
      .add({{"version", PORTCULLIS_VERSION}}, uint64_t{1});
  Family rounds = histogram(
      "worker_round_seconds",
      "Seconds that a worker was busy with one round of events, while newer events waited, by worker.");
  for (size_t i = 0; i < registry_.workers_.size(); ++i) {
    const WorkerMetrics& worker = *registry_.workers_[i];
    std::vector<uint64_t> counts;
    for (const Counter& count : worker.rounds) counts.push_back(count.get());
    prometheus::ClientMetric metric = buckets(kRoundBounds, counts, worker.busy.get());
    metric.label = {{"worker", std::to_string(i)}};
    rounds.add(std::move(metric));
  }
  Family lags =
      histogram("worker_lag_seconds",
                "Seconds that a new event waits until its worker handles it, measured by probes, by worker.");
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
  standard(counter("", "CPU time of the process in user and system mode, in seconds."),
           "process_cpu_seconds_total", process.cpu_seconds);
  standard(gauge("", "Resident memory of the process, in bytes."), "process_resident_memory_bytes",
           process.resident_bytes);
  standard(gauge("", "File descriptors that the process has open."), "process_open_fds",
           process.open_descriptors);
  standard(gauge("", "Largest number of file descriptors that the process may have open."), "process_max_fds",
           process.max_descriptors);
  standard(gauge("", "Time at which the process started, in seconds since 1970."),
           "process_start_time_seconds", process.started_at);
}

void Exposition::overload() {
  Family pressure =
      gauge("overload_pressure",
            "Part of its limit that the process uses (1: all of it), by resource (memory or descriptors).");
  if (states_.overload.memory >= 0) pressure.add({{"resource", "memory"}}, states_.overload.memory);
  if (states_.overload.descriptors >= 0)
    pressure.add({{"resource", "descriptors"}}, states_.overload.descriptors);
  gauge("overload_level",
        "Load that the gateway sheds: 0 none, 1 idle connections, 2 also new connections, 3 also requests.")
      .add({}, static_cast<uint64_t>(states_.overload.level));
  counter("overload_refused_total", "Requests that the gateway refused because of overload.")
      .add({}, of_workers(&WorkerMetrics::shed));
}

}  // namespace portcullis::telemetry
