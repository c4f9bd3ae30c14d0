// The metrics of requests on the metrics page.

#include "telemetry/exposition.h"

#include <prometheus/text_serializer.h>

namespace portcullis::telemetry {

void Exposition::collect() {
  routes();
  targets();
  consumers();
  revisions();
  policies();
  policy_metrics();
  connections();
  health();
  breakers();
  splits();
  runtime();
}

std::string Exposition::text() {
  collect();
  return prometheus::TextSerializer().Serialize(families_);
}

void Exposition::routes() {
  Family requests = counter("requests_total",
                            "Requests that have ended, by route (empty: no route matched) and by the class "
                            "of the response's status (none: the client left before there was a response).");
  Family durations =
      histogram("request_duration_seconds",
                "Seconds from the first byte of a request to the last byte of its response, by route.");
  Family received =
      counter("request_body_bytes_total", "Bytes of request bodies that clients have sent, by route.");
  Family sent = counter("response_body_bytes_total",
                        "Bytes of response bodies that the gateway has sent to clients, by route.");
  for (const auto& [name, shards] : registry_.routes_) {
    add_responses(requests, {{"route", name}}, shards);
    const auto total = sum(shards, [](const RouteMetrics& m) -> const Counter& { return m.duration.sum(); });
    add_latency(durations, {{"route", name}}, shards,
                [](const RouteMetrics& m) -> const Latency& { return m.duration; });
    if (total == 0) continue;
    received.add({{"route", name}},
                 sum(shards, [](const RouteMetrics& m) -> const Counter& { return m.request_body_bytes; }));
    sent.add({{"route", name}},
             sum(shards, [](const RouteMetrics& m) -> const Counter& { return m.response_body_bytes; }));
  }
}

void Exposition::targets() {
  Family tries = counter(
      "target_tries_total",
      "Tries to get a response from a target, by upstream, target and result (answered, connect_failed, "
      "failed, timed_out, or abandoned: the client left, or another target answered first). A request that "
      "is retried has several tries.");
  Family responses = counter("target_responses_total",
                             "Responses of a target, by upstream, target and class of status. The client may "
                             "have got another response, after a retry.");
  Family heads = histogram(
      "target_response_seconds",
      "Seconds from the beginning of a try to the head of the target's response, by upstream and target.");
  Family opened = counter("target_connections_total",
                          "Connections that the gateway has opened to a target, by upstream and target.");
  size_t left = states_.limits.targets;
  for (const auto& [key, held] : registry_.targets_) {
    const auto its_shards = held.lock();
    if (!its_shards || left == 0) continue;
    --left;
    const TargetShards& shards = *its_shards;
    const Labels target{{"upstream", key.first}, {"target", key.second}};
    for (const EnumName<TryResult>& result : names_of(TryResult{})) {
      Labels labels = target;
      labels.push_back({"result", std::string(result.name)});
      const auto i = static_cast<size_t>(result.value);
      tries.add(std::move(labels),
                sum(shards, [i](const TargetMetrics& m) -> const Counter& { return m.tries[i]; }));
    }
    add_responses(responses, target, shards);
    add_latency(heads, target, shards, [](const TargetMetrics& m) -> const Latency& { return m.head; });
    opened.add(target, sum(shards, [](const TargetMetrics& m) -> const Counter& { return m.connections; }));
  }
}

void Exposition::consumers() {
  Family by_consumer = counter("consumer_requests_total",
                               "Requests that have ended, by consumer (other: all consumers beyond the limit "
                               "metrics.consumers) and class of status.");
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
                            "Requests that have ended, by group of their consumers and class of status. A "
                            "request of a consumer in several groups is counted in each of them.");
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

// Series end when their revision does: a number is never used twice, so no series goes down.
void Exposition::revisions() {
  Family by_revision = counter("revision_requests_total",
                               "Requests that have ended, by revision that served them (the one in force and "
                               "its canary, no others) and class of status.");
  for (const auto& [number, held] : registry_.revisions_) {
    if (number != registry_.revision_ && number != registry_.canary_) continue;
    if (const auto shards = held.lock())
      add_responses(by_revision, {{"revision", std::to_string(number)}}, *shards);
  }
}

void Exposition::policies() {
  Family decided =
      counter("policy_decisions_total",
              "Decisions of policies about requests, by route, policy and outcome (continued: the request "
              "went on; answered: the policy sent the response; refused: the policy refused the request).");
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

void Exposition::policy_metrics() {
  for (const auto& [name, metric] : registry_.of_policies_.all()) {
    Family family =
        metric.type == MetricSet::Type::kGauge ? gauge(name, metric.help) : counter(name, metric.help);
    for (const auto& [labels, series] : metric.series) {
      Labels told;
      for (const auto& [label, value] : labels) told.push_back({label, value});
      family.add(std::move(told), series.value());
    }
  }
}

std::string Registry::scrape(const States& states, Form form) const {
  Exposition exposition(*this, states);
  return form == Form::kText ? exposition.text() : exposition.protobuf();
}

}  // namespace portcullis::telemetry
