#include "config/listener.h"

#include "config/admin.h"
#include "config/field_types.h"
#include "config/labels.h"
#include "config/named_items.h"
#include "http/characters.h"
#include "http/field_id.h"
#include "http/trailers.h"
#include "runtime/address.h"

namespace portcullis::config {
namespace {

// A pseudonym is a token (RFC 9110 section 7.6.3).
std::string check_via(const std::string& name) {
  for (const char c : name) {
    if (!http::is_token(c)) return "`" + name + "` is not a name for Via: use letters, digits and '-'";
  }
  return "";
}

// Fields that the gateway reads from trusted proxies or writes itself are not allowed in this list.
std::string check_forwarding_name(const std::string& name) {
  if (std::string problem = check_field_name(name); !problem.empty()) return problem;
  return http::identify_field(name) == http::FieldId::kOther
             ? ""
             : "`" + name + "` cannot be in this list: the gateway has rules of its own for this field";
}

// A trailer must not affect framing, routing or authorisation, nor replace a field that the gateway writes.
std::string check_trailer_name(const std::string& name) {
  if (std::string problem = check_field_name(name); !problem.empty()) return problem;
  return http::may_be_trailer(name) ? "" : "`" + name + "` must not be a trailer (RFC 9110 section 6.5.1)";
}

Type<std::vector<std::string>> trailer_names() {
  return list_of<std::string>(checked_text("a trailer's name", "", "server-timing", check_trailer_name));
}

// The canonical text of an address: "[0:0::1]:80" becomes "[::1]:80".
std::string canonical_address(const std::string& text) {
  const auto address = SocketAddress::parse(text);
  return address ? address->to_string() : text;
}

}  // namespace

ListenerAddresses::ListenerAddresses(const SharedList<Listener>& listeners) {
  for (const Listener& one : listeners) {
    const std::string address = canonical_address(one.address);
    by_name_.emplace(one.name, address);
    by_name_.emplace(address, address);
  }
}

const std::string* ListenerAddresses::find(const std::string& name) const {
  auto found = by_name_.find(name);
  if (found == by_name_.end()) found = by_name_.find(canonical_address(name));
  return found == by_name_.end() ? nullptr : &found->second;
}

namespace {

Type<ListenerLimits> listener_limits_type() {
  auto limits = std::make_shared<ObjectType<ListenerLimits>>(
      "limits", "Limits for the requests and connections of clients.");
  limits
      ->optional("head_size", &ListenerLimits::head_size, size(),
                 "Max size of a request head; beyond it: 431.")
      .optional("field_count", &ListenerLimits::field_count, integer(1, 112),
                "Max number of header fields in a request; beyond it: 431.")
      .optional("target_length", &ListenerLimits::target_length, size(),
                "Max length of the request target (path and query); beyond it: 414.")
      .optional("body_size", &ListenerLimits::body_size, size(),
                "Max size of a request body; beyond it: 413. 0: no limit.")
      .optional("connections", &ListenerLimits::connections, integer(0, 10'000'000),
                "Max number of client connections at once; further ones are closed. 0: no limit.")
      .optional(
          "connections_per_address", &ListenerLimits::connections_per_address, integer(0, 10'000'000),
          "Max number of connections at once from one client address (IPv6: its /64), counted over all "
          "listeners; further ones are closed. 0: no limit. Addresses of this machine, of `trusted_proxies` "
          "and of `proxy_protocol` have no such limit; the clients that a PROXY header names have it.")
      .optional("send_buffer", &ListenerLimits::send_buffer, size(),
                "Max size of the responses that wait in the gateway for a slow client, for each connection. "
                "When it is reached, the gateway reads no more from the target and, with HTTP/2, from the "
                "client. A larger buffer makes large downloads cheaper. At least 16KiB.");
  return limits;
}

Type<ListenerTimeouts> listener_timeouts_type() {
  auto timeouts = std::make_shared<ObjectType<ListenerTimeouts>>(
      "timeouts", "Max times for the requests and responses of a client.");
  timeouts
      ->optional("head", &ListenerTimeouts::head, time_limit(),
                 "Max time from the first byte of a request head to its last.")
      .optional("body", &ListenerTimeouts::body, time_limit(),
                "Max time between two pieces of a request body.")
      .optional("send", &ListenerTimeouts::send, time_limit(),
                "Max time between two pieces of the response that the client reads.")
      .optional("idle", &ListenerTimeouts::idle, time_limit(),
                "Max time between two requests on one connection.");
  return timeouts;
}

Type<ListenerHttp2> listener_http2_type() {
  auto http2 = std::make_shared<ObjectType<ListenerHttp2>>("http2", "HTTP/2 towards clients (RFC 9113).");
  http2
      ->optional("enabled", &ListenerHttp2::enabled, boolean(),
                 "Whether the listener speaks HTTP/2: over TLS when the client chooses it, without TLS when "
                 "the client begins with it.")
      .optional("streams", &ListenerHttp2::streams, integer<uint32_t>(1, 10'000),
                "Max number of requests at once on a connection.")
      .optional("stream_window", &ListenerHttp2::stream_window, window_size(),
                "Max size of the part of a request body that waits in the gateway when the backend is slow.")
      .optional("connection_window", &ListenerHttp2::connection_window, window_size(),
                "Max size of all such parts of a connection together.");
  return http2;
}

Type<ListenerTrailers> listener_trailers_type() {
  auto trailers = std::make_shared<ObjectType<ListenerTrailers>>(
      "trailers",
      "The trailer fields that are passed on. All others are dropped, because their recipient may take them "
      "for header fields (RFC 9110 section 6.5.1). The trailers of gRPC are always passed on.");
  trailers
      ->optional("request", &ListenerTrailers::request, trailer_names(),
                 "Trailer fields of requests that the upstream gets.")
      .optional("response", &ListenerTrailers::response, trailer_names(),
                "Trailer fields of responses that the client gets.");
  return trailers;
}

// The socket, and what clients speak there.
void describe_socket(ObjectType<Listener>& listener) {
  listener.locate(&Listener::location)
      .required("name", &Listener::name, name_type(), "The name of the listener in logs and metrics.")
      .required("address", &Listener::address, address_type(), "`host:port`, `[IPv6]:port` or `unix:/path`.")
      .optional("mode", &Listener::mode, socket_mode_type(),
                "Permissions of the file of a Unix socket, in octal and in quotes, as `\"0660\"`. Clients "
                "need the permission to write.")
      .default_in_words("by the umask")
      .optional("group", &Listener::group, text("www-data"), "The group of the file of a Unix socket.")
      .default_in_words("the group of the process")
      .optional("tls", &Listener::tls, listener_tls_type(), "TLS towards clients.")
      .default_in_words("plain HTTP")
      .optional("redirect_to_https", &Listener::redirect_to_https, https_redirect_type(),
                "Every request is redirected (308) to the same address with `https`, before a route is "
                "chosen. Requests of which a trusted proxy says that they came by TLS are not redirected.")
      .optional("http2", &Listener::http2, listener_http2_type(), "HTTP/2 towards clients.");
}

// The proxies before the gateway, and the fields that tell the way of a request.
void describe_proxies(ObjectType<Listener>& listener) {
  listener
      .optional("trusted_proxies", &Listener::trusted_proxies, list_of<std::string>(address_range_type()),
                "Addresses of proxies before the gateway, such as `10.0.0.0/8`. The gateway believes the "
                "fields in which they tell the client's address, scheme and host. From requests of other "
                "clients it removes these fields.")
      .optional(
          "proxy_protocol", &Listener::proxy_protocol, list_of<std::string>(address_range_type()),
          "Addresses of load balancers that begin each connection with a PROXY header, version 1 or 2, which "
          "tells the client's address. Connections from these addresses without such a header are closed. On "
          "connections from other addresses a PROXY header is not valid HTTP, and is refused.")
      .optional("forwarded", &Listener::forwarded, choice<ForwardedForm>(),
                "Which fields the gateway reads from trusted proxies and writes for targets: `x_forwarded` "
                "(`X-Forwarded-For`, `-Proto`, `-Host`), `forwarded` (RFC 7239), `both` (reads "
                "`X-Forwarded-*`, writes both) or `none`.")
      .optional("via", &Listener::via, checked_text("a name, or nothing", "", "edge-1", check_via),
                "The gateway's name in the `Via` field of requests. A random word follows the name; by this "
                "word the gateway notices requests that come back to it (508). With an empty name, the "
                "gateway writes only that word.")
      .optional(
          "drop_from_untrusted", &Listener::drop_from_untrusted,
          list_of<std::string>(checked_text("a header's name", "", "x-real-ip", check_forwarding_name)),
          "Header fields that usually contain the address of the client, or the address that the client "
          "asked for. They are removed from requests that do not come from one of `trusted_proxies`, in both "
          "spellings (`-` and `_`).");
}

// How requests are read.
void describe_requests(ObjectType<Listener>& listener) {
  listener
      .optional("trailers", &Listener::trailers, listener_trailers_type(),
                "The trailer fields that are passed on.")
      .optional(
          "ambiguous_paths", &Listener::ambiguous_paths, choice<AmbiguousPaths>(),
          "Paths that servers read differently: with parameters (`/admin;x=1`, which some servers read as "
          "`/admin`), or with `%2F`, `%5C`, `%00` or overlong encodings. `refuse` refuses them all (400), "
          "`pass_parameters` refuses only the encodings, and `pass` passes both on, still encoded.")
      .optional("merge_slashes", &Listener::merge_slashes, boolean(),
                "Whether the gateway reads `//admin` as `/admin`, and sends it so to the upstream.")
      .optional("strict_targets", &Listener::strict_targets, boolean(),
                "Whether request targets with other characters than those of RFC 3986 are refused (400). "
                "With `false`, characters that browsers and other clients send unencoded (`\"`, `<`, `>`, "
                "`\\`, `^`, a backtick, `{`, `|`, `}` and all that are not ASCII) are accepted, and encoded "
                "before routes and policies read them.")
      .optional("half_close", &Listener::half_close, boolean(),
                "Whether a client of HTTP/1 that ends its side of the connection (FIN) after a complete "
                "request still gets its response. With `false`, the gateway treats such a client as gone and "
                "gives up its request.");
}

// What a client may use.
void describe_limits(ObjectType<Listener>& listener) {
  listener
      .optional("limits", &Listener::limits, listener_limits_type(),
                "Limits for the requests and connections of clients.")
      .optional("timeouts", &Listener::timeouts, listener_timeouts_type(),
                "Max times for the requests and responses of a client.")
      .optional("tcp_keepalive", &Listener::tcp_keepalive, tcp_keepalive_type(),
                "TCP keepalive: finds connections whose client has disappeared without closing them.");
}

}  // namespace

Type<Listener> listener_type() {
  auto listener =
      std::make_shared<ObjectType<Listener>>("listener", "An address at which clients are served.");
  describe_socket(*listener);
  describe_proxies(*listener);
  describe_requests(*listener);
  describe_limits(*listener);
  add_labels(*listener);
  return listener;
}

namespace {

// Refuses two listeners with the same address: only the first would get connections, and the admin listener
// would not start. Port 0 is allowed several times, because the system chooses a different port for each.
void refuse_shared_addresses(const SharedList<Listener>& listeners, const Admin& admin,
                             Diagnostics& diagnostics) {
  std::map<std::string, const Listener*> seen;
  for (const Listener& one : listeners) {
    const auto address = SocketAddress::parse(one.address);
    if (!address || (!address->is_unix() && address->port() == 0)) continue;
    const auto [first, inserted] = seen.emplace(address->to_string(), &one);
    if (!inserted)
      diagnostics.error(one.location, "listener `" + one.name + "` has the address of listener `" +
                                          first->second->name + "` (" +
                                          first->second->location.seen_from(one.location) +
                                          "): give each of them an address of its own");
  }
  if (!admin.enabled()) return;
  const auto address = SocketAddress::parse(admin.address);
  const auto found = address ? seen.find(address->to_string()) : seen.end();
  if (found != seen.end())
    diagnostics.error(admin.address_location.line_read == 0 ? admin.location : admin.address_location,
                      "`admin` has the address of listener `" + found->second->name + "` (" +
                          found->second->location.seen_from(admin.location) +
                          "): give each of them an address of its own");
}

}  // namespace

void check_listeners(const SharedList<Listener>& listeners, const Admin& admin, Diagnostics& diagnostics) {
  refuse_duplicate_names(listeners, "listener", diagnostics);
  for (const Listener& one : listeners)
    check_socket_file(one.address, one.mode, one.group, one.location, diagnostics);
  refuse_shared_addresses(listeners, admin, diagnostics);
}

}  // namespace portcullis::config
