#include "config/upstream.h"

#include <re2/re2.h>

#include <algorithm>

#include "config/field_types.h"
#include "http/characters.h"
#include "runtime/address.h"

namespace portcullis::config {
namespace {

std::string check_sticky_key(const std::string& key) {
  return key.size() >= 32 ? "" : "a key that signs has 32 characters or more";
}

std::string check_check_path(const std::string& path) {
  const bool good = path.starts_with('/') &&
                    std::all_of(path.begin(), path.end(), [](char c) { return c > ' ' && c != 0x7f; });
  return good ? "" : "`" + path + "` is not a path";
}

std::string check_check_method(const std::string& method) {
  const bool good = http::is_token_text(method);
  return good && method != "CONNECT" ? "" : "`" + method + "` is not a method for this";
}

std::string check_check_host(const std::string& host) {
  const bool good = !host.empty() && std::all_of(host.begin(), host.end(),
                                                 [](char c) { return c > ' ' && c != '/' && c != 0x7f; });
  return good ? "" : "`" + host + "` is not a host";
}

std::string check_expression(const std::string& text) {
  const re2::RE2 expression(text, re2::RE2::Quiet);
  return expression.ok() ? "" : "`" + text + "` is no expression: " + expression.error();
}

std::string check_metadata(const std::string& text) {
  return text.empty() ? "it must not be empty" : "";
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
    return split.error().message + (text.starts_with("https://")
                                        ? ", and give the upstream `tls: {}`, by which its targets speak TLS"
                                        : "");
  if (split->port == 0) return "`" + text + "` is no address to connect to: the port must be 1 to 65535";
  if (literal) return "";
  const bool name = split->host.find_first_not_of(
                        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789-_.") == std::string::npos &&
                    split->host.find_first_not_of("0123456789.") != std::string::npos;
  return name ? "" : "`" + text + "` is neither an address nor a host name with its port";
}

namespace {

std::string check_service(const std::string& name) {
  return name.size() < 120 ? "" : "a service's name has fewer than 120 characters";
}

Type<HealthCheck> health_check_type() {
  auto grpc =
      std::make_shared<ObjectType<GrpcCheck>>("grpc_check", "gRPC's health protocol, grpc.health.v1.");
  grpc->locate(&GrpcCheck::location)
      .optional("service", &GrpcCheck::service, checked_text("a name", "", "orders.v1.Orders", check_service),
                "The service that is asked for.")
      .default_in_words("all of them");
  auto type =
      std::make_shared<ObjectType<HealthCheck>>("health_check",
                                                "Asks each target, again and again, whether it is well: by a "
                                                "request, or without a `path` by a connection.");
  type->locate(&HealthCheck::location)
      .optional("path", &HealthCheck::path, checked_text("a path", "^/", "/health", check_check_path),
                "What is asked for. By TLS where the upstream is.")
      .default_in_words("none: a connection will do")
      .optional("grpc", &HealthCheck::grpc, grpc,
                "Asks by gRPC's health protocol, instead of `path`; the upstream's `protocol` is `http2` or "
                "`auto`.")
      .default_in_words("none")
      .optional("method", &HealthCheck::method, checked_text("a method", "", "HEAD", check_check_method),
                "How.")
      .optional("host", &HealthCheck::host, checked_text("a host", "", "orders.internal", check_check_host),
                "The `Host` field's value.")
      .default_in_words("the target's address")
      .optional("port", &HealthCheck::port, integer(1, 65'535), "Another port than requests go to.")
      .default_in_words("the target's")
      .optional("interval", &HealthCheck::interval, duration(), "How often, a tenth more or less.")
      .optional("unhealthy_interval", &HealthCheck::unhealthy_interval, duration(),
                "How often a target is asked that is down.")
      .default_in_words("as `interval`")
      .optional("timeout", &HealthCheck::timeout, duration(), "How long it may take, with the connection.")
      .optional("healthy_after", &HealthCheck::healthy_after, integer(1, 1'000),
                "So many good checks in a row bring a target back.")
      .optional("unhealthy_after", &HealthCheck::unhealthy_after, integer(1, 1'000),
                "So many bad ones in a row take it out.")
      .optional("status", &HealthCheck::status, non_empty(one_or_list_of<StatusRange>(status_range())),
                "What it may answer.")
      .optional("body", &HealthCheck::body,
                checked_text("an expression", "", "'\"status\": *\"up\"'", check_expression),
                "An expression (RE2) that its answer must have somewhere in its first 64 KiB.")
      .default_in_words("any");
  return type;
}

Type<Retries> retries_type() {
  auto type = std::make_shared<ObjectType<Retries>>(
      "retries",
      "Sends a request again that got no good answer: to another target if there is one, and only if its "
      "method is "
      "idempotent or its route says `idempotent`. A failed connection is always followed by another target.");
  type->required("attempts", &Retries::attempts, integer(0, 100), "How often, after the first.")
      .optional("on", &Retries::on, one_or_list_of<Retries::On>(choice<Retries::On>()),
                "`reset`: no answer, or none that is HTTP; `timeout`: none within `timeouts.response`.")
      .optional("status", &Retries::status, one_or_list_of<StatusRange>(status_range()),
                "Answers for which another one is tried, as `[502, 503]`; the last one is the client's.")
      .optional("budget", &Retries::budget, percent(),
                "No more than this share of the requests is sent again.")
      .optional("min_per_second", &Retries::min_per_second, integer(0, 1'000'000),
                "But so many a second in any case, by each worker.")
      .optional(
          "backoff", &Retries::backoff, duration(),
          "The longest pause before the first; it doubles with each. Any pause up to it is taken, at random.")
      .optional("max_backoff", &Retries::max_backoff, duration(), "But no longer than that.")
      .optional("max_retry_after", &Retries::max_retry_after, duration(),
                "A target's `Retry-After` is obeyed; when it is longer, its answer is the client's.")
      .optional("body_size", &Retries::body_size, size(),
                "Bodies up to this size, of known length, are kept to be sent again.");
  return type;
}

Type<OutlierEjection> outlier_ejection_type() {
  auto type = std::make_shared<ObjectType<OutlierEjection>>(
      "outlier_ejection", "Leaves a target out for a while that does badly what it is asked.");
  type->optional("failures_in_row", &OutlierEjection::failures_in_row, integer(0, 1'000'000),
                 "So many failed requests in a row: without a connection or an answer, or by `status`. 0: "
                 "never for that.")
      .optional("status", &OutlierEjection::status, one_or_list_of<StatusRange>(status_range()),
                "Answers that count as failures, such as 5xx.")
      .optional("error_share", &OutlierEjection::error_share, percent(),
                "So many of an interval's requests have failed. 0%: never for that.")
      .optional("slowness", &OutlierEjection::slowness, integer(0, 1'000),
                "It has taken so many times as long as the others in an interval. 0: never for that.")
      .optional("min_requests", &OutlierEjection::min_requests, integer(1, 1'000'000),
                "A target with fewer requests in an interval is not judged by that interval.")
      .optional("interval", &OutlierEjection::interval, duration(), "For `error_share` and `slowness`.")
      .optional("ejection", &OutlierEjection::ejection, duration(),
                "How long the first time; the second time in a row twice as long, and so on.")
      .optional("max_ejection", &OutlierEjection::max_ejection, duration(), "But not longer than that.")
      .optional("max_ejected", &OutlierEjection::max_ejected, percent(),
                "Never more than this share of the targets, though always one.");
  return type;
}

Type<Hedge> hedge_type() {
  auto type = std::make_shared<ObjectType<Hedge>>(
      "hedge",
      "Sends a request to a second target when the first has not answered for a while, and takes the answer "
      "that comes first: only requests that `retries` might send again, too.");
  type->required("delay", &Hedge::delay, duration(),
                 "How long it has not answered: best what 95% do not need.")
      .optional("attempts", &Hedge::attempts, integer(1, 5),
                "How many more targets, each after another `delay`.")
      .optional("budget", &Hedge::budget, percent(), "No more than this share of the requests is sent so.");
  return type;
}

Type<CircuitBreaker> circuit_breaker_type() {
  auto type = std::make_shared<ObjectType<CircuitBreaker>>(
      "circuit_breaker",
      "What the upstream may be burdened with at once, by this node: more is turned away with 503, before it "
      "can do harm.");
  type->optional(
          "connections", &CircuitBreaker::connections, integer(0, 10'000'000),
          "Connections. Requests wait for one to become free, in turn, up to `timeouts.connect`. 0: no "
          "limit.")
      .optional("pending", &CircuitBreaker::pending, integer(0, 10'000'000),
                "Requests that wait for a connection. 0: no limit.")
      .optional("requests", &CircuitBreaker::requests, integer(0, 10'000'000),
                "Requests, those that wait among them. 0: no limit.")
      .optional("retries", &CircuitBreaker::retries, integer(0, 10'000'000),
                "Requests that have been sent again, by `retries` or `hedge`. 0: no limit.");
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
                "Its share of the requests beside the other targets'.")
      .optional("priority", &Target::priority, integer(0, 100),
                "Targets of the lowest number serve while enough of them are available; what they cannot "
                "bear goes to "
                "the next.")
      .optional("zone", &Target::zone, name_type(),
                "Where it is: within a priority, targets of the gateway's own `zone` come first.")
      .optional("metadata", &Target::metadata, metadata_type(),
                "Free texts, by which routes choose with `subset`.");
  return target;
}

Type<Upstream> upstream_type() {
  auto sticky =
      std::make_shared<ObjectType<Sticky>>("sticky", "Keeps a client with its target by a signed cookie.");
  sticky
      ->required("cookie", &Sticky::cookie, checked_text("a cookie's name", "", "target", check_cookie_name),
                 "Its name.")
      .required(
          "key", &Sticky::key,
          checked_text("a key", "", "'${file:/etc/portcullis/sticky.key}'", check_sticky_key),
          "What signs it, 32 characters or more, the same on all nodes; best `${VARIABLE}` or `${file:...}`.")
      .optional("ttl", &Sticky::ttl, duration(), "How long after the client's last visit it is kept.")
      .default_in_words("until the browser ends");
  auto timeouts = std::make_shared<ObjectType<UpstreamTimeouts>>("timeouts", "How long a target may take.");
  timeouts->optional("connect", &UpstreamTimeouts::connect, time_limit(), "To accept a connection.")
      .optional("response", &UpstreamTimeouts::response, time_limit(),
                "From the end of the request to the response's head, and between two pieces of its body.")
      .optional("idle", &UpstreamTimeouts::idle, time_limit(), "How long an unused connection is kept.")
      .optional("tunnel", &UpstreamTimeouts::tunnel, time_limit(),
                "How long a tunnel (WebSocket) may be silent in both directions.")
      .optional("total", &UpstreamTimeouts::total, time_limit(),
                "From the request's head to the response's, with all tries and pauses.");
  auto limits = std::make_shared<ObjectType<UpstreamLimits>>(
      "limits", "Bounds on the responses of targets; beyond them: 502.");
  limits
      ->optional("head_size", &UpstreamLimits::head_size, size(),
                 "Largest head of a response, and largest trailer section.")
      .optional("field_count", &UpstreamLimits::field_count, integer(1, 112),
                "Most header fields in a response.");
  auto http2 = std::make_shared<ObjectType<UpstreamHttp2>>("http2", "HTTP/2 towards targets (RFC 9113).");
  http2
      ->optional(
          "stream_window", &UpstreamHttp2::stream_window, size(),
          "How much of a response a target may send ahead: what a slow client can make wait here. More lets "
          "a target that is far away send faster.")
      .optional(
          "connection_window", &UpstreamHttp2::connection_window, size(),
          "The same for all responses of a connection together. A connection carries no more requests at "
          "once than half of it has `stream_window`s, so that clients which do not read their responses "
          "cannot hold up those of others.");
  auto upstream =
      std::make_shared<ObjectType<Upstream>>("upstream", "A backend service: targets that answer alike.");
  upstream->locate(&Upstream::location)
      .required("name", &Upstream::name, name_type(), "The name that routes refer to.")
      .optional(
          "balance", &Upstream::balance, choice<Balance>(),
          "`round_robin` (smooth, weighted), `least_request` (the less loaded of two random targets), "
          "`random`, "
          "`peak_ewma` (the one of two that answers sooner, by recent latency and load), or by `hash_key`: "
          "`ring_hash`, or `maglev` (more even, and a key moves a little more often when targets change).")
      .optional("hash_key", &Upstream::hash_key,
                text_with_variables("text", "'{request.header.x-user}'", any_text),
                "What `ring_hash` and `maglev` go by: `client_address`, `consumer`, `route`, or a text with "
                "variables "
                "such as `{request.header.x-user}` or `{request.cookie.session}`. A request for which it is "
                "empty goes "
                "anywhere.")
      .locate_last(&Upstream::hash_key_location)
      .optional("sticky", &Upstream::sticky, sticky, "Keeps a client with its target by a signed cookie.")
      .optional("health_check", &Upstream::health_check, health_check_type(),
                "Asks targets whether they are well.")
      .default_in_words("none")
      .optional("outlier_ejection", &Upstream::outlier_ejection, outlier_ejection_type(),
                "Leaves a target out for a while that does badly what it is asked.")
      .optional("retries", &Upstream::retries, retries_type(),
                "Sends a request again that got no good answer.")
      .optional("hedge", &Upstream::hedge, hedge_type(), "Asks a second target when the first is slow.")
      .optional("circuit_breaker", &Upstream::circuit_breaker, circuit_breaker_type(),
                "What it may be burdened with at once.")
      .default_in_words("no limits")
      .optional("panic_threshold", &Upstream::panic_threshold, percent(),
                "When less than this share of the targets is available, all get requests as if they were. "
                "With none left that "
                "is so in any case.")
      .optional("slow_start", &Upstream::slow_start, duration(),
                "How long a target that is new beside others, or available again, takes to its full share.")
      .default_in_words("none")
      .optional("targets", &Upstream::targets, list_of<Target>(target_type()), "The servers.")
      .optional("discover", &Upstream::discover, discover_type(),
                "Where servers are learnt from, besides `targets` or instead of them.")
      .default_in_words("none")
      .optional("tls", &Upstream::tls, upstream_tls_type(), "TLS towards targets.")
      .default_in_words("plain HTTP")
      .optional(
          "protocol", &Upstream::protocol, choice<Protocol>(),
          "What targets speak: `http1`, `http2` (also in the clear, as gRPC services do), or `auto`: as "
          "they choose in their TLS.")
      .locate_last(&Upstream::protocol_location)
      .optional("http2", &Upstream::http2, http2, "HTTP/2 towards targets.")
      .optional("proxy_protocol", &Upstream::proxy_protocol, choice<ProxyProtocol>(),
                "Whether connections begin with a PROXY header that tells the client's address. Each request "
                "then has a "
                "connection of its own.")
      .optional("limits", &Upstream::limits, limits, "Bounds on the responses of targets.")
      .optional("lenient_responses", &Upstream::lenient_responses, boolean(),
                "Whether responses are taken that break the rules in ways that are harmless: a blank behind "
                "a chunk's "
                "size, `Transfer-Encoding: chunked` twice, lines of a head that end with LF alone, a status "
                "of 600 to "
                "999. Without it they are 502, and the log's `ended` says which it was.")
      .optional("timeouts", &Upstream::timeouts, timeouts, "How long a target may take.")
      .optional("tcp_keepalive", &Upstream::tcp_keepalive, tcp_keepalive_type(),
                "How targets that are gone without a word are noticed.");
  return upstream;
}

}  // namespace portcullis::config
