#include "config/upstream.h"

#include <algorithm>

#include "config/field_types.h"
#include "config/labels.h"
#include "config/marked_type.h"
#include "config/named_items.h"
#include "http/characters.h"
#include "runtime/address.h"

namespace portcullis::config {
namespace {

std::string check_sticky_key(const std::string& key) {
  return key.size() >= 32 ? "" : "the key is too short: a key for signatures has 32 characters or more";
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

namespace {

Type<StickyCookie> sticky_type() {
  auto sticky = std::make_shared<ObjectType<StickyCookie>>(
      "sticky", "Keeps a client with its target by a signed cookie.");
  sticky
      ->required("cookie", &StickyCookie::cookie,
                 checked_text("a cookie's name", "", "target", check_cookie_name), "The name of the cookie.")
      .required("key", &StickyCookie::key,
                secret(checked_text("a key", "", "'${file:/etc/portcullis/sticky.key}'", check_sticky_key)),
                "The key that signs the cookie: 32 characters or more, the same on all nodes. It is best a "
                "`${VARIABLE}` or `${file:...}`.")
      .optional("ttl", &StickyCookie::ttl, duration(),
                "How long the browser keeps the cookie after the client's last visit.")
      .default_in_words("until the browser is closed");
  return sticky;
}

Type<UpstreamTimeouts> upstream_timeouts_type() {
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
  return timeouts;
}

Type<UpstreamLimits> upstream_limits_type() {
  auto limits = std::make_shared<ObjectType<UpstreamLimits>>(
      "limits", "Limits for the responses of targets; beyond them: 502.");
  limits
      ->optional("head_size", &UpstreamLimits::head_size, size(),
                 "Max size of the head, and of the trailer section, of a response.")
      .optional("field_count", &UpstreamLimits::field_count, integer(1, 112),
                "Max number of header fields in a response.");
  return limits;
}

Type<Http2Windows> upstream_http2_type() {
  auto http2 = std::make_shared<ObjectType<Http2Windows>>("http2", "HTTP/2 towards targets (RFC 9113).");
  http2
      ->optional("stream_window", &Http2Windows::stream_window, window_size(),
                 "Max size of the part of a response that waits in the gateway when the client is slow. A "
                 "larger window lets a target that is far away send faster.")
      .optional("connection_window", &Http2Windows::connection_window, window_size(),
                "Max size of all such parts of a connection together. A connection carries at most as many "
                "requests at once as `stream_window` fits into half of this size, so that clients that do "
                "not read their responses cannot delay the responses of other clients.");
  return http2;
}

// How a target is chosen.
void describe_balancing(ObjectType<Upstream>& upstream) {
  upstream.locate(&Upstream::location)
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
      .optional("sticky", &Upstream::sticky, sticky_type(),
                "Keeps a client with its target by a signed cookie.");
}

// What happens when targets fail.
void describe_failures(ObjectType<Upstream>& upstream) {
  upstream
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
      .default_in_words("none");
}

// The targets, and how connections to them are made.
void describe_targets(ObjectType<Upstream>& upstream) {
  upstream
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
      .optional("http2", &Upstream::http2, upstream_http2_type(), "HTTP/2 towards targets.")
      .optional("proxy_protocol", &Upstream::proxy_protocol, choice<ProxyProtocol>(),
                "Whether connections to targets begin with a PROXY header that tells the client's address. "
                "Each request then has a connection of its own.");
}

// The responses of targets.
void describe_responses(ObjectType<Upstream>& upstream) {
  upstream
      .optional("limits", &Upstream::limits, upstream_limits_type(), "Limits for the responses of targets.")
      .optional("lenient_responses", &Upstream::lenient_responses, boolean(),
                "Whether the gateway accepts responses that break the rules of HTTP in harmless ways: a "
                "blank behind the size of a chunk, `Transfer-Encoding: chunked` twice, lines of a head that "
                "end with LF alone, a status of 600 to 999. With `false`, such a response leads to 502, and "
                "the log's `ended` names the fault.")
      .optional("timeouts", &Upstream::timeouts, upstream_timeouts_type(),
                "Max times for connections to targets and for their responses.")
      .optional("tcp_keepalive", &Upstream::tcp_keepalive, tcp_keepalive_type(),
                "TCP keepalive: finds connections whose target has disappeared without closing them.");
}

}  // namespace

Type<Upstream> upstream_type() {
  auto upstream = std::make_shared<ObjectType<Upstream>>(
      "upstream", "A backend service: targets that give the same answers.");
  describe_balancing(*upstream);
  describe_failures(*upstream);
  describe_targets(*upstream);
  describe_responses(*upstream);
  add_labels(*upstream);
  return upstream;
}

bool belongs(const Target& target, const TextMap& subset) {
  return std::all_of(subset.begin(), subset.end(), [&](const auto& wanted) {
    return std::find(target.metadata.begin(), target.metadata.end(), wanted) != target.metadata.end();
  });
}

void check_upstreams(const SharedList<Upstream>& upstreams, Diagnostics& diagnostics) {
  refuse_duplicate_names(upstreams, "upstream", diagnostics);
  for (const Upstream& upstream : upstreams) {
    if (upstream.targets.empty() && !upstream.discover.enabled() && !diagnostics.is_faulty(upstream.location))
      diagnostics.error(upstream.location,
                        "upstream `" + upstream.name + "` has no targets: give it `targets`, or `discover`");
  }
}

void check_upstream(const Upstream& upstream, Diagnostics& diagnostics) {
  if (upstream.discover.enabled()) check_discover(upstream.discover, diagnostics);
  const HealthCheck& check = upstream.health_check;
  check_health_check(check, diagnostics);
  if (check.has_grpc() && upstream.protocol == Protocol::kHttp1)
    diagnostics.error(check.grpc_location, "gRPC needs `protocol: http2` in `" + upstream.name + "`");
  if (upstream.protocol == Protocol::kAuto && !upstream.tls.enabled())
    diagnostics.error(upstream.protocol_location,
                      "`protocol: auto` chooses the protocol in the TLS handshake, and upstream `" +
                          upstream.name + "` has no `tls`: write `http1` or `http2`, or add `tls`");
  if (upstream.protocol != Protocol::kHttp1 && upstream.proxy_protocol != ProxyProtocol::kNone)
    diagnostics.error(upstream.protocol_location,
                      "`proxy_protocol` cannot be used with HTTP/2: its header names one client, and a "
                      "connection of HTTP/2 has requests of many clients");
  if (upstream.circuit_breaker.pending > 0 && upstream.circuit_breaker.connections == 0)
    diagnostics.error(upstream.location,
                      "`pending` of `circuit_breaker` needs `connections`: it limits how many requests "
                      "wait for one of these connections");
  if (upstream.outlier_ejection.interval < kMinInterval)
    diagnostics.error(upstream.location, "`interval` of `outlier_ejection` must be at least 10ms");
}

}  // namespace portcullis::config
