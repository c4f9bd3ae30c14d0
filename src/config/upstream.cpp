#include "config/upstream.h"

#include <algorithm>

#include "config/field_types.h"
#include "http/characters.h"
#include "runtime/address.h"

namespace portcullis::config {
namespace {

std::string check_cookie_name(const std::string& name) {
  const bool good = !name.empty() && std::all_of(name.begin(), name.end(), http::is_token);
  return good ? "" : "`" + name + "` is not a cookie's name";
}

std::string check_sticky_key(const std::string& key) {
  return key.size() >= 32 ? "" : "a key that signs has 32 characters or more";
}

std::string check_metadata(const std::string& text) {
  return text.empty() ? "it must not be empty" : "";
}

}  // namespace

TypePointer metadata_type() {
  return text_map(check_metadata, check_metadata);
}

std::string check_target_address(const std::string& text) {
  if (SocketAddress::parse(text)) return "";
  const auto split = split_host_port(text);
  if (!split) return split.error().message;
  const bool name = split->host.find_first_not_of(
                        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789-_.") == std::string::npos &&
                    split->host.find_first_not_of("0123456789.") != std::string::npos;
  return name ? "" : "`" + text + "` is neither an address nor a host name with its port";
}

TypePointer upstream_type() {
  auto target = std::make_shared<ObjectType>("target", "One backend server.");
  target->locate(&Target::location)
      .required("address", &Target::address, checked_text("an address", "", check_target_address),
                "`address:port`, `[IPv6]:port`, `unix:/path`, or `name:port`: a name is looked up again when "
                "its time to live is over, and each of its addresses is a target.")
      .optional("weight", &Target::weight, integer(1, 1000), "1",
                "Its share of the requests beside the other targets'.")
      .optional("priority", &Target::priority, integer(0, 100), "0",
                "Targets of the lowest number serve while enough of them are available; what they cannot bear goes to "
                "the next.")
      .optional("zone", &Target::zone, name_type(), "none",
                "Where it is: within a priority, targets of the gateway's own `zone` come first.")
      .optional("metadata", &Target::metadata, metadata_type(), "none",
                "Free texts, by which routes choose with `subset`.");
  auto sticky = std::make_shared<ObjectType>("sticky", "Keeps a client with its target by a signed cookie.");
  sticky->required("cookie", &Sticky::cookie, checked_text("a cookie's name", "", check_cookie_name), "Its name.")
      .required("key", &Sticky::key, checked_text("a key", "", check_sticky_key),
                "What signs it, 32 characters or more, the same on all nodes; best `${VARIABLE}` or `${file:...}`.")
      .optional("ttl", &Sticky::ttl, duration(), "until the browser ends",
                "How long after the client's last visit it is kept.");
  auto timeouts = std::make_shared<ObjectType>("timeouts", "How long a target may take.");
  timeouts->optional("connect", &UpstreamTimeouts::connect, duration(), "1s", "To accept a connection.")
      .optional("response", &UpstreamTimeouts::response, duration(), "15s",
                "From the end of the request to the response's head, and between two pieces of its body.")
      .optional("idle", &UpstreamTimeouts::idle, duration(), "60s", "How long an unused connection is kept.");
  auto upstream = std::make_shared<ObjectType>("upstream", "A backend service: targets that answer alike.");
  upstream->locate(&Upstream::location)
      .required("name", &Upstream::name, name_type(), "The name that routes refer to.")
      .optional("balance", &Upstream::balance,
                choice({{"round_robin", static_cast<int>(Balance::kRoundRobin)},
                        {"least_request", static_cast<int>(Balance::kLeastRequest)},
                        {"random", static_cast<int>(Balance::kRandom)},
                        {"peak_ewma", static_cast<int>(Balance::kPeakEwma)},
                        {"ring_hash", static_cast<int>(Balance::kRingHash)},
                        {"maglev", static_cast<int>(Balance::kMaglev)}}),
                "round_robin",
                "`round_robin` (smooth, weighted), `least_request` (the less loaded of two random targets), `random`, "
                "`peak_ewma` (the one of two that answers sooner, by recent latency and load), or by `hash_key`: "
                "`ring_hash`, or `maglev` (more even, and a key moves a little more often when targets change).")
      .optional("hash_key", &Upstream::hash_key, text(), "client_address",
                "What `ring_hash` and `maglev` go by: `client_address`, `consumer`, `route`, or a text with variables "
                "such as `{request.header.x-user}` or `{request.cookie.session}`. A request for which it is empty goes "
                "anywhere.")
      .locate_last(&Upstream::hash_key_location)
      .optional("sticky", &Upstream::sticky, sticky, "none", "Keeps a client with its target by a signed cookie.")
      .optional("slow_start", &Upstream::slow_start, duration(), "none",
                "How long a target that is new beside others, or available again, takes to its full share.")
      .required("targets", &Upstream::targets, list_of<Target>(target), "The servers.")
      .optional("tls", &Upstream::tls, upstream_tls_type(), "plain HTTP", "TLS towards targets.")
      .optional("proxy_protocol", &Upstream::proxy_protocol,
                choice({{"none", static_cast<int>(ProxyProtocol::kNone)},
                        {"v1", static_cast<int>(ProxyProtocol::k1)},
                        {"v2", static_cast<int>(ProxyProtocol::k2)}}),
                "none",
                "Whether connections begin with a PROXY header that tells the client's address. Each request "
                "then has a "
                "connection of its own.")
      .optional("timeouts", &Upstream::timeouts, timeouts, "", "How long a target may take.");
  return upstream;
}

}  // namespace portcullis::config
