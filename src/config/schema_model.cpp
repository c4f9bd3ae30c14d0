#include "config/schema_model.h"

#include "config/field_types.h"
#include "config/model.h"
#include "config/policy_list.h"
#include "config/settable_fields.h"
#include "http/message.h"

namespace portcullis::config {
namespace {

Type<Dns> dns_type() {
  auto dns = std::make_shared<ObjectType<Dns>>("dns", "How the names of targets are looked up.");
  dns->optional("servers", &Dns::servers, list_of<std::string>(address_type()),
                "Name servers, as `address:port`.")
      .default_in_words("the system's")
      .optional("min_ttl", &Dns::min_ttl, duration(),
                "Min time until a name is looked up again: a shorter time to live counts as this. It is also "
                "the pause after a failed lookup.")
      .optional("max_ttl", &Dns::max_ttl, duration(),
                "Max time until a name is looked up again: a longer time to live counts as this.");
  return dns;
}

Type<Limits> limits_type() {
  auto limits =
      std::make_shared<ObjectType<Limits>>("limits", "Memory for the counters of rate limits on this node.");
  limits->optional(
      "memory", &Limits::memory, size(),
      "Max memory for the counters of rate limits and the nonces of signed requests: 16 bytes for each key "
      "in "
      "use, allocated as needed. Half of it is for unauthenticated clients, a quarter for authenticated "
      "callers, a quarter for nonces. When a part is full, it evicts the lowest counters first (metric "
      "`portcullis_rate_limit_evictions_total`). A change needs a restart.");
  return limits;
}

Type<Metrics> metrics_type() {
  auto metrics = std::make_shared<ObjectType<Metrics>>(
      "metrics", "Max number of consumers and targets that have series of their own on the metrics page.");
  metrics
      ->optional("consumers", &Metrics::consumers, integer(0, 1'000'000),
                 "Max number of consumers with series of their own. Requests of further consumers are "
                 "counted together, as the consumer `other`.")
      .optional(
          "targets", &Metrics::targets, integer(0, 1'000'000),
          "Max number of targets with series of their own. Further targets are not on the metrics page.");
  return metrics;
}

Type<Overload> overload_type() {
  auto overload = std::make_shared<ObjectType<Overload>>(
      "overload",
      "When the gateway sheds load, so that memory and file descriptors are not used up: from 80% of either, "
      "it closes idle connections; from 90%, it accepts no new connections; from 95%, it refuses requests "
      "with 503.");
  overload->optional("enabled", &Overload::enabled, boolean(), "Whether the gateway sheds load.")
      .optional("memory", &Overload::memory, size(),
                "Max memory of the process. Without this setting, and outside of a container, memory is not "
                "a reason to shed load.")
      .default_in_words("the container's limit")
      .optional("lag", &Overload::lag, duration(),
                "When all events of a worker have waited longer than this for a second, the worker refuses "
                "requests until they wait less. 0s: it never does.");
  return overload;
}

// A field that has a meaning of its own in HTTP must not tell the revision.
std::string check_revision_header(const std::string& name) {
  if (std::string problem = check_response_field(name); !problem.empty()) return problem;
  return http::identify_field(name) == http::FieldId::kOther
             ? ""
             : "the field `" + name + "` has a meaning in HTTP: choose a name such as `x-revision`";
}

Type<std::string> revision_header_type() {
  return checked_text("a field's name", "", "x-revision", check_revision_header);
}

Type<Recorder> recorder_type() {
  auto recorder = std::make_shared<ObjectType<Recorder>>(
      "recorder",
      "The heads of the last requests, which are kept in memory so that a change of the configuration can be "
      "rehearsed on them. Of the header fields and claims, only those are kept that the configuration reads, "
      "and credentials are not kept.");
  recorder->optional("enabled", &Recorder::enabled, boolean(), "Whether request heads are kept.")
      .optional("requests", &Recorder::requests, integer(1, 1'000'000),
                "Max number of heads, for all workers together.")
      .optional("memory", &Recorder::memory, size(),
                "Max memory for heads, for all workers together, at least 32KiB for each worker. When either "
                "bound is reached, the oldest heads are dropped.");
  return recorder;
}

// The policies that a usage plan may contain.
PolicyCatalog limiting_policies(const PolicyCatalog& catalog) {
  PolicyCatalog limiting;
  for (const PolicyType& one : catalog) {
    if (one.traits.limits_consumers) limiting.push_back(one);
  }
  return limiting;
}

// The settings of the process itself, and what it tells about itself.
void describe_process(ObjectType<Config>& config) {
  config.locate(&Config::location)
      .required("version", &Config::version, version_number(), "The version of the format: 1.")
      .optional("workers", &Config::workers, integer(0, 1024),
                "Number of worker threads. 0: one for each processor that the process may use; the CPU quota "
                "of a container is rounded up.")
      .optional("zone", &Config::zone, name_type(),
                "The zone of this node, such as a data center. Upstreams prefer targets in the same zone.")
      .optional("node", &Config::node, node_type(), "The name of this node.")
      .optional("admin", &Config::admin, admin_type(), "The listener for operators.")
      .default_in_words("none")
      .optional("store", &Config::store, store_type(),
                "The store of revisions, and of the objects that come through the admin API.")
      .default_in_words("none")
      .optional("access_log", &Config::access_log, access_log_type(), "A log with a line for each request.")
      .optional("tracing", &Config::tracing, tracing_type(), "Export of traces to a collector (OTLP).")
      .optional("audit_log", &Config::audit_log, audit_log_type(),
                "A log with a line for each change that an operator makes.")
      .optional("process_log", &Config::process_log, process_log_type(),
                "Messages of the gateway about itself (starts, reloads, problems), on standard error.")
      .optional("revision_header", &Config::revision_header, revision_header_type(),
                "A field of every response, with the number of the revision that served the request. The "
                "gateway removes a field of this name from requests and from responses of targets.")
      .default_in_words("none")
      .optional("drain_timeout", &Config::drain_timeout, time_limit(),
                "Max time for requests in progress after SIGTERM.")
      .optional("dns", &Config::dns, dns_type(), "How the names of targets are looked up.");
}

// The way of requests, and who sends them.
void describe_requests(ObjectType<Config>& config, const PolicyCatalog& catalog) {
  const Type<PolicyList> policies = policy_list_with_sets(catalog);
  config
      .required("listeners", &Config::listeners, shared_list_of<Listener>(listener_type()),
                "The addresses at which clients are served. They may be missing where they can come "
                "through the admin API.")
      .optional("upstreams", &Config::upstreams, shared_list_of<Upstream>(upstream_type()),
                "The backend services.")
      .optional("routes", &Config::routes, shared_list_of<Route>(route_type(policies)),
                "Routes: which requests go to which upstream.")
      .optional("policies", &Config::policies, policies,
                "Policies for every request. They run before the policies of the route.")
      .optional("policy_sets", &Config::policy_sets, shared_list_of<PolicySet>(policy_set_type(catalog)),
                "Policies that several lists have in common: an entry `use: NAME` stands for them.")
      .optional("consumers", &Config::consumers, shared_list_of<Consumer>(consumer_type()),
                "Named callers, for the policies that authenticate.");
}

// What requests share: counters, memory, and rules for all routes.
void describe_shared(ObjectType<Config>& config, const PolicyCatalog& catalog) {
  config
      .optional("redis", &Config::redis, redis_type(),
                "The Redis servers in which all nodes count rate limits and quotas together.")
      .optional("quotas", &Config::quotas, quotas_type(),
                "The place of the counters of quotas: a file, or Redis.")
      .default_in_words("none")
      .optional("plans", &Config::plans, shared_list_of<Plan>(plan_type(limiting_policies(catalog))),
                "Usage plans: limits for the consumers that have the plan.")
      .optional("limits", &Config::limits, limits_type(),
                "Memory for the counters of rate limits on this node.")
      .optional("metrics", &Config::metrics, metrics_type(),
                "Max number of consumers and targets that have series of their own on the metrics page.")
      .optional(
          "overload", &Config::overload, overload_type(),
          "When the gateway sheds load, and in which order: idle connections, new connections, requests.")
      .optional("recorder", &Config::recorder, recorder_type(),
                "The heads of the last requests, on which a change can be rehearsed.")
      .optional("cache", &Config::cache, cache_type(),
                "Memory and disk for stored responses, for the caches of all routes together.")
      .optional("assertions", &Config::assertions, list_of<Assertion>(assertion_type(catalog)),
                "Rules that the configuration must meet; loading fails when it does not.")
      .optional("errors", &Config::errors, list_of<ErrorRule>(error_rule_type()),
                "What clients get in place of the gateway's own error responses. The first rule that matches "
                "an error makes its response; an error that none matches is told as problem details "
                "(`application/problem+json`).");
}

}  // namespace

Type<Config> config_type(const PolicyCatalog& catalog) {
  auto config = std::make_shared<ObjectType<Config>>("configuration", "A whole configuration.");
  describe_process(*config);
  describe_requests(*config, catalog);
  describe_shared(*config, catalog);
  return config;
}

}  // namespace portcullis::config
