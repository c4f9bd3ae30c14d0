#include "config/upstream.h"

#include <re2/re2.h>

#include <algorithm>

#include "config/field_types.h"
#include "http/characters.h"
#include "runtime/address.h"

namespace portcullis::config {
namespace {

std::string check_sticky_key(const std::string& key) {
  return key.size() >= 32 ? "" : "the key is too short: a key for signatures has 32 characters or more";
}

std::string check_check_path(const std::string& path) {
  const bool good = path.starts_with('/') &&
                    std::all_of(path.begin(), path.end(), [](char c) { return c > ' ' && c != 0x7f; });
  return good ? "" : "`" + path + "` is not a path";
}

std::string check_check_method(const std::string& method) {
  const bool good = http::is_token_text(method);
  return good && method != "CONNECT" ? "" : "`" + method + "` is not a method that a health check can use";
}

std::string check_check_host(const std::string& host) {
  const bool good = !host.empty() && std::all_of(host.begin(), host.end(),
                                                 [](char c) { return c > ' ' && c != '/' && c != 0x7f; });
  return good ? "" : "`" + host + "` is not a host";
}

std::string check_expression(const std::string& text) {
  const re2::RE2 expression(text, re2::RE2::Quiet);
  return expression.ok() ? "" : "cannot parse the regular expression `" + text + "`: " + expression.error();
}

std::string check_metadata(const std::string& text) {
  return text.empty() ? "the text must not be empty" : "";
}

}  // namespace

std::string check_cookie_name(const std::string& name) {
  const bool good = http::is_token_text(name);
  return good ? "" : "`" + name + "` is not a cookie's name";
}

Type<TextMap> metadata_type() {
  return text_map(check_metadata, "{version: v2}", check_metadata);
}

std::string check_target_address(const std::string& text) {
  const auto literal = SocketAddress::parse(text);
  if (literal && literal->is_unix()) return "";
  const auto split = split_host_port(text);
  if (!split)
    return split.error().message +
           (text.starts_with("https://")
                ? ", and add `tls: {}` to the upstream, so that the gateway speaks TLS with its targets"
                : "");
  if (split->port == 0) return "`" + text + "` is not an address to connect to: the port must be 1 to 65535";
  if (literal) return "";
  const bool name = split->host.find_first_not_of(
                        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789-_.") == std::string::npos &&
                    split->host.find_first_not_of("0123456789.") != std::string::npos;
  return name ? "" : "`" + text + "` is neither an address nor a host name with its port";
}

namespace {

std::string check_service(const std::string& name) {
  return name.size() < 120 ? ""
                           : "the name of the service is too long: it must have fewer than 120 characters";
}

Type<HealthCheck> health_check_type() {
  auto grpc =
      std::make_shared<ObjectType<GrpcCheck>>("grpc_check", "gRPC's health protocol, grpc.health.v1.");
  grpc->optional("service", &GrpcCheck::service,
                 checked_text("a name", "", "orders.v1.Orders", check_service),
                 "The name of the service in the request of the check.")
      .default_in_words("the server as a whole");
  auto type = std::make_shared<ObjectType<HealthCheck>>(
      "health_check", "Checks each target regularly: by a request, or without a `path` by a connection.");
  type->locate(&HealthCheck::location)
      .optional("path", &HealthCheck::path, checked_text("a path", "^/", "/health", check_check_path),
                "The path of the check. Checks use TLS when the upstream has `tls`.")
      .default_in_words("none: a connection is enough")
      .optional("grpc", &HealthCheck::grpc, grpc,
                "Checks by gRPC's health protocol, in place of `path`. The `protocol` of the upstream must "
                "be `http2` or `auto`.")
      .default_in_words("none")
      .locate_last(&HealthCheck::grpc_location)
      .optional("method", &HealthCheck::method, checked_text("a method", "", "HEAD", check_check_method),
                "The method of the check.")
      .optional("host", &HealthCheck::host, checked_text("a host", "", "orders.internal", check_check_host),
                "The `Host` of the check.")
      .default_in_words("the target's address")
      .optional("port", &HealthCheck::port, integer<uint16_t>(1, 65'535),
                "The port of the check, when it is not the port for requests.")
      .default_in_words("the target's port")
      .optional("interval", &HealthCheck::interval, duration(),
                "Time between two checks, plus or minus a tenth.")
      .optional("unhealthy_interval", &HealthCheck::unhealthy_interval, duration(),
                "Time between two checks of a target that is down.")
      .default_in_words("as `interval`")
      .optional("timeout", &HealthCheck::timeout, duration(),
                "Max time for a check, including the connection.")
      .optional("healthy_after", &HealthCheck::healthy_after, integer<uint32_t>(1, 1'000),
                "Number of passed checks in a row after which a target is up.")
      .optional("unhealthy_after", &HealthCheck::unhealthy_after, integer<uint32_t>(1, 1'000),
                "Number of failed checks in a row after which a target is down.")
      .optional("status", &HealthCheck::status, non_empty(one_or_list_of<StatusRange>(status_range())),
                "Statuses of responses that count as a passed check.")
      .optional("body", &HealthCheck::body,
                checked_text("an expression", "", "'\"status\": *\"up\"'", check_expression),
                "An expression (RE2) that must match somewhere in the first 64 KiB of the answer.")
      .default_in_words("any");
  return type;
}

Type<Retries> retries_type() {
  auto type = std::make_shared<ObjectType<Retries>>(
      "retries",
      "Sends a request again when it got no good response: to another target if there is one, and only if "
      "the method is idempotent or the route says `idempotent`. After a failed connection the gateway always "
      "tries another target.");
  type->required("attempts", &Retries::attempts, integer<uint32_t>(0, 100),
                 "Max number of tries after the first one.")
      .optional("on", &Retries::on, one_or_list_of<Retries::On>(choice<Retries::On>()),
                "Failures after which a request is sent again. `reset`: no response, or one that is not "
                "valid HTTP; `timeout`: no response within `timeouts.response`.")
      .optional("status", &Retries::status, one_or_list_of<StatusRange>(status_range()),
                "Statuses of responses after which a request is sent again, such as `[502, 503]`. The client "
                "gets the last response.")
      .optional("budget", &Retries::budget, percent(), "Max share of the requests that is sent again.")
      .optional("min_per_second", &Retries::min_per_second, integer<uint32_t>(0, 1'000'000),
                "Each worker may send this many retries per second, whatever the budget is.")
      .optional("backoff", &Retries::backoff, duration(),
                "Max pause before the first retry. This max doubles with each retry; the pause is a random "
                "time up to it.")
      .optional("max_backoff", &Retries::max_backoff, duration(), "Max pause before any retry.")
      .optional("max_retry_after", &Retries::max_retry_after, duration(),
                "Max `Retry-After` of a target that the gateway obeys. When it is longer, the client gets "
                "the target's response.")
      .optional("body_size", &Retries::body_size, size(),
                "Max size of a request body, of known length, that is kept in memory so that it can be sent "
                "again. Requests with larger bodies are sent once.");
  return type;
}

Type<EjectionRules> outlier_ejection_type() {
  auto type = std::make_shared<ObjectType<EjectionRules>>(
      "outlier_ejection", "Sends no requests to a target for a while after its requests have failed.");
  type->optional("failures_in_row", &EjectionRules::failures_in_row, integer<uint32_t>(0, 1'000'000),
                 "Number of failed requests in a row (no connection, no response, or a `status`) that eject "
                 "a target. 0: a target is not ejected for this reason.")
      .optional("status", &EjectionRules::status, one_or_list_of<StatusRange>(status_range()),
                "Statuses of responses that count as failures, such as 5xx.")
      .optional("error_share", &EjectionRules::error_share, percent(),
                "Share of failed requests in an interval that ejects a target. 0%: a target is not ejected "
                "for this reason.")
      .optional("slowness", &EjectionRules::slowness, integer(0, 1'000),
                "Ejects a target whose responses took this many times as long as the median of the targets "
                "in an interval. 0: a target is not ejected for this reason.")
      .optional(
          "min_requests", &EjectionRules::min_requests, integer(1, 1'000'000),
          "Min number of requests to a target in an interval for which `error_share` and `slowness` count.")
      .optional("interval", &EjectionRules::interval, duration(),
                "Length of the intervals of `error_share` and `slowness`.")
      .optional("ejection", &EjectionRules::ejection, duration(),
                "Duration of the first ejection. The second one in a row takes twice as long, the third "
                "three times, and so on.")
      .optional("max_ejection", &EjectionRules::max_ejection, duration(), "Max duration of an ejection.")
      .optional(
          "max_ejected", &EjectionRules::max_ejected, percent(),
          "Max share of the targets that is ejected at the same time. One target may always be ejected.");
  return type;
}

Type<Hedging> hedge_type() {
  auto type = std::make_shared<ObjectType<Hedging>>(
      "hedge",
      "Sends a request to a second target when the first has not answered for a while, and uses the response "
      "that comes first. This happens only to requests that `retries` could send again too.");
  type->required("delay", &Hedging::delay, duration(),
                 "Time without a response after which a second target is asked. A good value: the time "
                 "within which 95% of the requests are answered.")
      .optional("attempts", &Hedging::attempts, integer<uint32_t>(1, Hedging::kMax),
                "Number of further targets, each after another `delay`.")
      .optional("budget", &Hedging::budget, percent(),
                "Max share of the requests that is sent to a second target.");
  return type;
}

Type<BreakerLimits> circuit_breaker_type() {
  auto type = std::make_shared<ObjectType<BreakerLimits>>(
      "circuit_breaker",
      "Limits for the connections to the upstream and for its requests at the same time, for this node. "
      "Requests beyond them get 503.");
  type->optional("connections", &BreakerLimits::connections, integer<uint32_t>(0, 10'000'000),
                 "Max number of connections to all targets. Requests beyond it wait in turn for a free "
                 "connection, for at most `timeouts.connect`. 0: no limit.")
      .optional("pending", &BreakerLimits::pending, integer<uint32_t>(0, 10'000'000),
                "Max number of requests that wait for a connection. 0: no limit.")
      .optional("requests", &BreakerLimits::requests, integer<uint32_t>(0, 10'000'000),
                "Max number of requests in progress, including those that wait. 0: no limit.")
      .optional("retries", &BreakerLimits::retries, integer<uint32_t>(0, 10'000'000),
                "Max number of requests in progress that have been sent again, by `retries` or `hedge`. "
                "Beyond it, no further request is sent again, and the client gets the response that came "
                "last. 0: no limit.");
  return type;
}

}  // namespace

Type<Target> target_type() {
  auto target = std::make_shared<ObjectType<Target>>("target", "One backend server.");
  target->locate(&Target::location)
      .required("address", &Target::address,
                checked_text("an address", "", "orders.internal:8080", check_target_address),
                "`address:port`, `[IPv6]:port`, `unix:/path`, or `name:port`: a name is looked up again when "
                "its time to live is over, and each of its addresses is a target.")
      .optional("weight", &Target::weight, integer(1, 1000),
                "The share of requests for this target, relative to the weights of the other targets.")
      .optional("priority", &Target::priority, integer(0, 100),
                "Targets with the lowest number get the requests while enough of these targets are "
                "available. The part that "
                "they cannot serve goes to targets with the next number.")
      .optional("zone", &Target::zone, name_type(),
                "The zone of the target: within a priority, targets in the gateway's own `zone` come first.")
      .optional("metadata", &Target::metadata, metadata_type(),
                "Names and values of your choice, by which routes select targets with `subset`.");
  return target;
}

Type<Upstream> upstream_type() {
  auto sticky = std::make_shared<ObjectType<StickyCookie>>(
      "sticky", "Keeps a client with its target by a signed cookie.");
  sticky
      ->required("cookie", &StickyCookie::cookie,
                 checked_text("a cookie's name", "", "target", check_cookie_name), "The name of the cookie.")
      .required("key", &StickyCookie::key,
                checked_text("a key", "", "'${file:/etc/portcullis/sticky.key}'", check_sticky_key),
                "The key that signs the cookie: 32 characters or more, the same on all nodes. It is best a "
                "`${VARIABLE}` or `${file:...}`.")
      .optional("ttl", &StickyCookie::ttl, duration(),
                "How long the browser keeps the cookie after the client's last visit.")
      .default_in_words("until the browser is closed");
  auto timeouts = std::make_shared<ObjectType<UpstreamTimeouts>>(
      "timeouts", "Max times for connections to targets and for their responses.");
  timeouts
      ->optional("connect", &UpstreamTimeouts::connect, time_limit(),
                 "Max time until the target accepts a connection.")
      .optional("response", &UpstreamTimeouts::response, time_limit(),
                "Max time from the end of the request to the head of the response, and between two pieces of "
                "its body.")
      .optional("idle", &UpstreamTimeouts::idle, time_limit(),
                "Max time for which an idle connection is kept open.")
      .optional("tunnel", &UpstreamTimeouts::tunnel, time_limit(),
                "Max time without data in both directions of a tunnel (WebSocket).")
      .optional(
          "total", &UpstreamTimeouts::total, time_limit(),
          "Max time from the head of the request to the head of the response, with all tries and pauses.");
  auto limits = std::make_shared<ObjectType<UpstreamLimits>>(
      "limits", "Limits for the responses of targets; beyond them: 502.");
  limits
      ->optional("head_size", &UpstreamLimits::head_size, size(),
                 "Max size of the head, and of the trailer section, of a response.")
      .optional("field_count", &UpstreamLimits::field_count, integer(1, 112),
                "Max number of header fields in a response.");
  auto http2 = std::make_shared<ObjectType<Http2Windows>>("http2", "HTTP/2 towards targets (RFC 9113).");
  http2
      ->optional("stream_window", &Http2Windows::stream_window, window_size(),
                 "Max size of the part of a response that waits in the gateway when the client is slow. A "
                 "larger window lets a target that is far away send faster.")
      .optional("connection_window", &Http2Windows::connection_window, window_size(),
                "Max size of all such parts of a connection together. A connection carries at most as many "
                "requests at once as `stream_window` fits into half of this size, so that clients that do "
                "not read their responses cannot delay the responses of other clients.");
  auto upstream = std::make_shared<ObjectType<Upstream>>(
      "upstream", "A backend service: targets that give the same answers.");
  upstream->locate(&Upstream::location)
      .required("name", &Upstream::name, name_type(), "The name that routes refer to.")
      .optional("balance", &Upstream::balance, choice<Balance>(),
                "How a target is chosen for a request: `round_robin` (smooth, weighted), `least_request` "
                "(the less loaded of two random targets), `random`, `peak_ewma` (of two random targets the "
                "one that should answer sooner, by recent latency and load), or by `hash_key`: `ring_hash`, "
                "or `maglev` (more even, and a key moves a little more often when targets change).")
      .optional("hash_key", &Upstream::hash_key,
                key_with_variables("text", "'{request.header.x-user}'", any_text, {"caller"}),
                "The key of `ring_hash` and `maglev`: a [variable](#variables) such as `client.address` or "
                "`cookie.session`; `caller` (the consumer, or the client address); or a text with variables "
                "such as `{request.host}{request.path}`. A request whose key is empty goes to any target.")
      .locate_last(&Upstream::hash_key_location)
      .optional("sticky", &Upstream::sticky, sticky, "Keeps a client with its target by a signed cookie.")
      .optional("health_check", &Upstream::health_check, health_check_type(),
                "Checks regularly whether targets are up.")
      .default_in_words("none")
      .optional("outlier_ejection", &Upstream::outlier_ejection, outlier_ejection_type(),
                "Sends no requests to a target for a while after its requests have failed.")
      .optional("retries", &Upstream::retries, retries_type(),
                "Sends a request again when it got no good response.")
      .optional("hedge", &Upstream::hedge, hedge_type(),
                "Sends a request to a second target when the first is slow.")
      .optional("circuit_breaker", &Upstream::circuit_breaker, circuit_breaker_type(),
                "Limits for the connections to the upstream and for its requests at the same time.")
      .default_in_words("no limits")
      .optional("panic_threshold", &Upstream::panic_threshold, percent(),
                "When less than this share of the targets is available, all targets get requests as if they "
                "were available. When no target is available, all targets get requests in any case.")
      .optional("slow_start", &Upstream::slow_start, duration(),
                "Time in which the share of a new target, or of one that is available again, grows to its "
                "full size.")
      .default_in_words("none")
      .optional("targets", &Upstream::targets, list_of<Target>(target_type()),
                "The servers to which requests go.")
      .optional("discover", &Upstream::discover, discover_type(),
                "A source of targets, in addition to `targets` or in place of them.")
      .default_in_words("none")
      .optional("tls", &Upstream::tls, upstream_tls_type(), "TLS towards targets.")
      .default_in_words("plain HTTP")
      .optional("protocol", &Upstream::protocol, choice<Protocol>(),
                "The protocol of the targets: `http1`, `http2` (also without TLS, as gRPC services speak "
                "it), or `auto`: the protocol that the target chooses in the TLS handshake.")
      .locate_last(&Upstream::protocol_location)
      .optional("http2", &Upstream::http2, http2, "HTTP/2 towards targets.")
      .optional("proxy_protocol", &Upstream::proxy_protocol, choice<ProxyProtocol>(),
                "Whether connections to targets begin with a PROXY header that tells the client's address. "
                "Each request then has a connection of its own.")
      .optional("limits", &Upstream::limits, limits, "Limits for the responses of targets.")
      .optional("lenient_responses", &Upstream::lenient_responses, boolean(),
                "Whether the gateway accepts responses that break the rules of HTTP in harmless ways: a "
                "blank behind the size of a chunk, `Transfer-Encoding: chunked` twice, lines of a head that "
                "end with LF alone, a status of 600 to 999. With `false`, such a response leads to 502, and "
                "the log's `ended` names the fault.")
      .optional("timeouts", &Upstream::timeouts, timeouts,
                "Max times for connections to targets and for their responses.")
      .optional("tcp_keepalive", &Upstream::tcp_keepalive, tcp_keepalive_type(),
                "TCP keepalive: finds connections whose target has disappeared without closing them.");
  return upstream;
}

}  // namespace portcullis::config
