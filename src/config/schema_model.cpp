#include "config/schema_model.h"

#include <algorithm>
#include <set>

#include "base/arena.h"
#include "base/text.h"
#include "config/condition_type.h"
#include "config/field_types.h"
#include "config/listener.h"
#include "config/logging.h"
#include "config/model.h"
#include "http/authority.h"
#include "http/characters.h"
#include "http/path.h"
#include "runtime/address.h"

namespace portcullis::config {
namespace {

constexpr ptrdiff_t kMaxSegments = 64;  // see routing::RouteTable

// A pattern that is not in normal form would never match, because request paths are normalised.
std::string check_path(const std::string& path) {
  if (!path.starts_with('/')) return "`" + path + "` is not a path: it must start with `/`";
  if (const size_t bad = path.find_first_of("?# \t\r\n"); bad != std::string::npos)
    return "`" + path + "` is not a path: a path must not contain `" + path[bad] + "`";
  Arena arena;
  std::string encoded;  // without the braces of parameters
  encoded.reserve(path.size());
  for (size_t at = 0; at < path.size();) {
    const size_t brace = std::min(path.find_first_of("{}", at), path.size());
    encoded += http::encode_target(std::string_view(path).substr(at, brace - at), arena);
    if (brace < path.size()) encoded += path[brace];
    at = brace + 1;
  }
  const auto canonical = http::canonical_path(encoded, arena, {.ambiguous = http::AmbiguousPaths::kPass});
  if (!canonical)
    return "`" + path + "` is not a path: its percent-encoding is not valid, or `..` leads above the root";
  if (*canonical == path) return "";
  return "`" + path + "` never matches, because paths are normalised first: write `" +
         std::string(*canonical) + "`" +
         (path.find('<') != std::string::npos ? "; one segment with any text is written `{name}` in `path`"
          : path.find_first_of("[]()\\^") == std::string::npos
              ? ""
              : "; a regular expression belongs in `path_regex`");
}

std::string check_plain_path(const std::string& path) {
  if (path.find_first_of("{}") != std::string::npos)
    return "`" + path + "`: parameters in braces are only possible in `path`";
  return check_path(path);
}

std::string check_pattern(const std::string& path) {
  if (std::string problem = check_path(path); !problem.empty()) return problem;
  if (std::count(path.begin(), path.end(), '/') > kMaxSegments)
    return "`" + path + "` has more than " + std::to_string(kMaxSegments) + " segments";
  std::set<std::string_view> names;
  for (size_t at = 0; at < path.size();) {
    const size_t end = std::min(path.find('/', at + 1), path.size());
    const std::string_view segment = std::string_view(path).substr(at + 1, end - at - 1);
    at = end;
    const auto is_brace = [](char c) { return c == '{' || c == '}'; };
    const auto braces = std::count_if(segment.begin(), segment.end(), is_brace);
    if (braces == 0) continue;
    const bool whole = segment.size() > 2 && segment.front() == '{' && segment.back() == '}' && braces == 2;
    const std::string shown = "`" + std::string(segment) + "`";
    if (!whole) return shown + ": a parameter is a whole segment, as in /orders/{id}";
    if (!names.insert(segment).second) return "`" + path + "` names " + shown + " twice";
  }
  return "";
}

std::string check_rewritten_path(const std::string& path) {
  return path.starts_with('/') ? "" : "`" + path + "` is not a path: it must start with `/`";
}

std::string check_authority(const std::string& host) {
  return !host.empty() && http::is_valid_authority(host)
             ? ""
             : "`" + host + "` is not a host: write orders.internal or orders.internal:8080";
}

std::string check_method(const std::string& method) {
  if (method.empty()) return "a method must not be empty";
  for (const char c : method) {
    if (!http::is_token(c) || (c >= 'a' && c <= 'z')) {
      return "`" + method + "` is not a method: methods are written in capitals, as GET";
    }
  }
  return "";
}

std::string check_not_empty(const std::string& name) {
  return name.empty() ? "a name must not be empty" : "";
}

Type<std::string> plain_path_type() {
  return checked_text("a path", "^/", "/orders", check_plain_path);
}

// After a switch to HTTP/2 by Upgrade, requests would bypass all routes and policies.
std::string check_upgrade(const std::string& protocol) {
  const std::string_view name = std::string_view(protocol).substr(0, protocol.find('/'));
  if (name == "*" || !http::is_token_text(name))
    return "`" + protocol + "` is not a protocol: write its name as in `Upgrade`, such as websocket";
  if (to_lower(name).starts_with("h2") || equals_ignoring_case(name, "http"))
    return "`" + protocol +
           "`: routes cannot allow this protocol, because requests after the switch would pass no route and "
           "no policy";
  return "";
}

Type<Route> route_type(const Type<std::vector<PolicyUse>>& policies) {
  auto match = std::make_shared<ObjectType<Match>>("match", "Conditions that a request must meet.");
  match
      ->optional("hosts", &Match::hosts, list_of<std::string>(host_type()),
                 "Host names: exact, or `*.example.com` for every name below `example.com`.")
      .default_in_words("any")
      .optional("path", &Match::path, checked_text("a path", "^/", "'/orders/{id}'", check_pattern),
                "The whole path; `{name}` stands for one segment with any text.")
      .optional("path_prefix", &Match::path_prefix, plain_path_type(),
                "The beginning of the path, in whole segments: `/v1` matches `/v1` and `/v1/x`, not `/v10`.")
      .optional("methods", &Match::methods,
                list_of<std::string>(checked_text("a method", "", "GET", check_method)), "Request methods.")
      .default_in_words("any")
      .optional("path_regex", &Match::path_regex, regex_type(),
                "An expression (RE2) for the whole path, for patterns that `path` cannot describe. "
                "Expressions are slower than paths, because the gateway tries them one after the other.")
      .optional("headers", &Match::headers, condition_map(check_field_name),
                "Header fields: a value, `{regex: ...}` for the whole value, or `{present: true}`. All these "
                "conditions must hold.")
      .default_in_words("any")
      .optional("query", &Match::query, condition_map([](const std::string&) { return std::string(); }),
                "Query parameters: the same conditions as for `headers`, on decoded values.")
      .default_in_words("any")
      .optional(
          "listeners", &Match::listeners,
          non_empty(list_of<std::string>(checked_text("a listener's name", "", "public", check_not_empty))),
          "Names or addresses of listeners: the route takes only requests that arrive there.")
      .default_in_words("all")
      .locate_last(&Match::listeners_location);
  auto rewrite =
      std::make_shared<ObjectType<Rewrite>>("rewrite", "Changes to the request on its way to the upstream.");
  rewrite
      ->optional("strip_prefix", &Rewrite::strip_prefix, plain_path_type(),
                 "A prefix, of whole segments, that is removed from the path.")
      .optional("path", &Rewrite::path,
                checked_text("a path with parameters", "^/", "'/v2/{rest}'", check_rewritten_path),
                "The path that the upstream gets. `{name}` stands for a parameter of `match.path` or a named "
                "group of `path_regex`, and `{rest}` for the part of the path after `path_prefix`.")
      .locate_last(&Rewrite::path_location)
      .optional("host", &Rewrite::host, checked_text("a host", "", "orders.internal", check_authority),
                "The `Host` that the upstream gets. `X-Forwarded-Host` has the host that the client wrote.")
      .default_in_words("as received");
  auto route = std::make_shared<ObjectType<Route>>("route", "Routes: which requests go to which upstream.");
  route->locate(&Route::location)
      .required("name", &Route::name, name_type(), "The name of the route in logs, metrics and `explain`.")
      .required("match", &Route::match, match, "Conditions that a request must meet.")
      .optional("rewrite", &Route::rewrite, rewrite, "Changes to the request on its way to the upstream.")
      .optional("policies", &Route::policies, policies,
                "Policies for requests of this route, in the order in which they run.")
      .optional("upgrades", &Route::upgrades,
                list_of<std::string>(checked_text("a protocol", "", "websocket", check_upgrade)),
                "The protocols that a client may switch to by `Upgrade` (RFC 9110 section 7.8). Any other "
                "protocol is removed from the request, which goes on without it. The gateway does not look "
                "at the data after the switch.")
      .optional("upstream", &Route::upstream, text("orders"),
                "The name of the upstream that answers. A route with a policy that answers every request "
                "needs none.")
      .locate_last(&Route::upstream_location)
      .optional("subset", &Route::subset, metadata_type(),
                "Only targets with this metadata, as `{version: v2}`.")
      .default_in_words("all")
      .optional("split", &Route::split, list_of<Branch>(branch_type()),
                "In place of `upstream`: several branches, each with an upstream and a part of the requests.")
      .optional("split_sticky", &Route::split_sticky, split_sticky_type(),
                "Keeps each client with its branch of `split`.")
      .default_in_words("none")
      .optional("idempotent", &Route::idempotent, boolean(),
                "Whether requests of this route may be sent a second time, whatever their method, by "
                "`retries` and `hedge` of the upstream.");
  return route;
}

}  // namespace

Type<Config> config_type(const PolicyCatalog& catalog) {
  const Type<std::vector<PolicyUse>> policies = policy_list(catalog);
  auto dns = std::make_shared<ObjectType<Dns>>("dns", "How the names of targets are looked up.");
  dns->optional("servers", &Dns::servers, list_of<std::string>(address_type()),
                "Name servers, as `address:port`.")
      .default_in_words("the system's")
      .optional("min_ttl", &Dns::min_ttl, duration(),
                "Min time until a name is looked up again: a shorter time to live counts as this. It is also "
                "the pause after a failed lookup.")
      .optional("max_ttl", &Dns::max_ttl, duration(),
                "Max time until a name is looked up again: a longer time to live counts as this.");
  auto limits =
      std::make_shared<ObjectType<Limits>>("limits", "Memory for the counters of rate limits on this node.");
  limits->optional(
      "memory", &Limits::memory, size(),
      "Max memory for the counters of rate limits and the nonces of signed requests: 16 bytes for each key "
      "in "
      "use, allocated as needed. Half of it is for unauthenticated clients, a quarter for authenticated "
      "callers, a quarter for nonces. When a part is full, it evicts the lowest counters first (metric "
      "`portcullis_rate_limit_evictions_total`). A change needs a restart.");
  auto metrics = std::make_shared<ObjectType<Metrics>>(
      "metrics", "Max number of consumers and targets that have series of their own on the metrics page.");
  metrics
      ->optional("consumers", &Metrics::consumers, integer(0, 1'000'000),
                 "Max number of consumers with series of their own. Requests of further consumers are "
                 "counted together, as the consumer `other`.")
      .optional(
          "targets", &Metrics::targets, integer(0, 1'000'000),
          "Max number of targets with series of their own. Further targets are not on the metrics page.");
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
  auto redis = std::make_shared<ObjectType<redis::Settings>>(
      "redis",
      "The Redis server in which all nodes count rate limits and quotas together. A change needs a restart.");
  redis
      ->required(
          "address", &redis::Settings::address,
          checked_text("an address", "", "redis.internal:6379", check_target_address),
          "`address:port`, `[IPv6]:port`, `name:port` or `unix:/path`. Of a name with several addresses, "
          "the first one that accepts connections is used.")
      .optional("username", &redis::Settings::username, text("gateway"),
                "The user in the access control list of the server.")
      .optional("password", &redis::Settings::password, text("'${REDIS_PASSWORD}'"),
                "The password of that user, or of the server. It is best a `${VARIABLE}` or `${file:...}`.")
      .optional("database", &redis::Settings::database, integer(0, 1'000'000),
                "The number of the database on the server.")
      .optional("timeout", &redis::Settings::timeout, time_limit(),
                "Max time that a request waits for Redis. After that, `on_error` of the policy decides.");
  auto quotas = std::make_shared<ObjectType<Quotas>>(
      "quotas", "The place of the counters of quotas: a file, or Redis. A change needs a restart.");
  quotas->locate(&Quotas::location)
      .optional("file", &Quotas::file, text("/var/lib/portcullis/quotas.db"),
                "The file for the counters of one node (SQLite). The gateway creates it. A relative path "
                "begins at the working directory of the gateway.")
      .optional(
          "redis", &Quotas::redis, boolean(),
          "Whether the counters are in the Redis server of `redis` at the top level, for all nodes together.")
      .optional("interval", &Quotas::interval, duration(),
                "The time between two writes of the counters. With Redis, the counts of the other nodes are "
                "read at the same time. A crash loses the counts since the last write, and a quota can be "
                "exceeded by the counts that other nodes add meanwhile.");
  PolicyCatalog limiting;
  for (const PolicyType& one : catalog) {
    if (one.traits.limits_consumers) limiting.push_back(one);
  }
  const auto policy_names = list_of<std::string>(
      checked_text("a policy's name", "", "key_auth", [catalog](const std::string& name) -> std::string {
        std::vector<std::string_view> known;
        for (const PolicyType& one : catalog) {
          if (one.name == name) return "";
          known.push_back(one.name);
        }
        return "there is no policy `" + name + "`" + suggestion_for(name, known);
      }));
  auto every_route = std::make_shared<ObjectType<Assertion>>(
      "every_route",
      "The routes for which the assertion holds. When this is empty, it holds for all routes.");
  every_route
      ->optional("path_prefix", &Assertion::path_prefix, plain_path_type(),
                 "Only routes that can get a request below this path.")
      .optional("hosts", &Assertion::hosts, list_of<std::string>(host_type()),
                "Only routes that can get a request for one of these hosts.")
      .default_in_words("any")
      .optional("methods", &Assertion::methods,
                list_of<std::string>(checked_text("a method", "", "GET", check_method)),
                "Only routes that can get a request with one of these methods.")
      .default_in_words("any")
      .optional("except", &Assertion::except, list_of<std::string>(text("health")),
                "Names of routes for which the assertion does not hold.");
  auto assertion = std::make_shared<ObjectType<Assertion>>(
      "assertion",
      "Rules that the configuration must meet. When a route breaks one, loading fails and the message names "
      "the route, so that no route is left open by mistake.");
  assertion->locate(&Assertion::location)
      .required_part("every_route", every_route, "The routes for which the assertion holds.")
      .optional(
          "requires", &Assertion::requires_all, policy_names,
          "Policies that each of these routes must have, in its own `policies` or in those of the top level.")
      .optional("requires_any", &Assertion::requires_any, policy_names,
                "Policies of which each of these routes must have at least one.");
  auto config = std::make_shared<ObjectType<Config>>("configuration", "A whole configuration.");
  config->locate(&Config::location)
      .required("version", &Config::version, version_number(), "The version of the format: 1.")
      .optional("workers", &Config::workers, integer(0, 1024),
                "Number of worker threads. 0: one for each processor that the process may use; the CPU quota "
                "of a container is rounded up.")
      .optional("zone", &Config::zone, name_type(),
                "The zone of this node, such as a data center. Upstreams prefer targets in the same zone.")
      .optional("admin", &Config::admin, admin_type(), "The listener for operators.")
      .default_in_words("none")
      .optional("access_log", &Config::access_log, access_log_type(), "A log with a line for each request.")
      .optional("tracing", &Config::tracing, tracing_type(), "Export of traces to a collector (OTLP).")
      .optional("audit_log", &Config::audit_log, audit_log_type(),
                "A log with a line for each change that an operator makes.")
      .optional("process_log", &Config::process_log, process_log_type(),
                "Messages of the gateway about itself (starts, reloads, problems), on standard error.")
      .optional("drain_timeout", &Config::drain_timeout, time_limit(),
                "Max time for requests in progress after SIGTERM.")
      .optional("dns", &Config::dns, dns, "How the names of targets are looked up.")
      .required("listeners", &Config::listeners, list_of<Listener>(listener_type()),
                "The addresses at which clients are served.")
      .optional("upstreams", &Config::upstreams, list_of<Upstream>(upstream_type()), "The backend services.")
      .optional("routes", &Config::routes, shared_list_of<Route>(route_type(policies)),
                "Routes: which requests go to which upstream.")
      .optional("policies", &Config::policies, policies,
                "Policies for every request. They run before the policies of the route.")
      .optional("consumers", &Config::consumers, list_of<Consumer>(consumer_type()),
                "Named callers, for the policies that authenticate.")
      .optional("redis", &Config::redis, redis,
                "The Redis server in which all nodes count rate limits and quotas together.")
      .optional("quotas", &Config::quotas, quotas, "The place of the counters of quotas: a file, or Redis.")
      .default_in_words("none")
      .optional("plans", &Config::plans, list_of<Plan>(plan_type(limiting)),
                "Usage plans: limits for the consumers that have the plan.")
      .optional("limits", &Config::limits, limits, "Memory for the counters of rate limits on this node.")
      .optional("metrics", &Config::metrics, metrics,
                "Max number of consumers and targets that have series of their own on the metrics page.")
      .optional(
          "overload", &Config::overload, overload,
          "When the gateway sheds load, and in which order: idle connections, new connections, requests.")
      .optional("cache", &Config::cache, cache_type(),
                "Memory and disk for stored responses, for the caches of all routes together.")
      .optional("assertions", &Config::assertions, list_of<Assertion>(assertion),
                "Rules that the configuration must meet; loading fails when it does not.");
  return config;
}

}  // namespace portcullis::config
