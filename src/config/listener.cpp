#include "config/listener.h"

#include "config/field_types.h"
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

// What the gateway reads from trusted proxies, and writes itself, is not in the hands of this list.
std::string check_forwarding_name(const std::string& name) {
  if (std::string problem = check_field_name(name); !problem.empty()) return problem;
  return http::identify_field(name) == http::FieldId::kOther
             ? ""
             : "`" + name + "` has its own rules: it is not removed by this list";
}

// A trailer must not frame, route or authorise the message, nor stand for what the gateway writes.
std::string check_trailer_name(const std::string& name) {
  if (std::string problem = check_field_name(name); !problem.empty()) return problem;
  return http::may_be_trailer(name) ? "" : "`" + name + "` must not be a trailer (RFC 9110 section 6.5.1)";
}

Type<std::vector<std::string>> trailer_names() {
  return list_of<std::string>(checked_text("a trailer's name", "", "server-timing", check_trailer_name));
}

// One text for each address, however it was written: "[0:0::1]:80" is "[::1]:80".
std::string canonical_address(const std::string& text) {
  const auto address = SocketAddress::parse(text);
  return address ? address->to_string() : text;
}

}  // namespace

ListenerAddresses::ListenerAddresses(const std::vector<Listener>& listeners) {
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

Type<Listener> listener_type() {
  auto limits = std::make_shared<ObjectType<ListenerLimits>>("limits", "Bounds on what one client may send.");
  limits->optional("head_size", &ListenerLimits::head_size, size(), "Largest request head; beyond it: 431.")
      .optional("field_count", &ListenerLimits::field_count, integer(1, 112),
                "Most header fields in a request; beyond it: 431.")
      .optional("target_length", &ListenerLimits::target_length, size(),
                "Longest request target (path and query); beyond it: 414.")
      .optional("body_size", &ListenerLimits::body_size, size(),
                "Largest request body; beyond it: 413. 0: no limit.")
      .optional("connections", &ListenerLimits::connections, integer(0, 10'000'000),
                "Most client connections at once; further ones are closed. 0: no limit.")
      .optional("connections_per_address", &ListenerLimits::connections_per_address, integer(0, 10'000'000),
                "Most connections of one client's address at once (IPv6: its /64), counted over all "
                "listeners; further "
                "ones are closed. 0: no limit. Addresses of this machine, of `trusted_proxies` and of "
                "`proxy_protocol` have none; the clients that a PROXY header names do.")
      .optional("send_buffer", &ListenerLimits::send_buffer, size(),
                "How much of its responses is held for a client that does not take them, on one connection. "
                "While so "
                "much waits, nothing more is read from the target, and with HTTP/2 from the client. More "
                "makes large "
                "downloads cheaper. At least 16KiB.");
  auto timeouts = std::make_shared<ObjectType<ListenerTimeouts>>("timeouts", "How long one client may take.");
  timeouts
      ->optional("head", &ListenerTimeouts::head, time_limit(), "From the first byte of a head to its last.")
      .optional("body", &ListenerTimeouts::body, time_limit(), "Between two pieces of a request body.")
      .optional("send", &ListenerTimeouts::send, time_limit(),
                "Between two pieces of the response that it takes.")
      .optional("idle", &ListenerTimeouts::idle, time_limit(), "Between two requests on one connection.");
  auto http2 = std::make_shared<ObjectType<ListenerHttp2>>("http2", "HTTP/2 towards clients (RFC 9113).");
  http2
      ->optional(
          "enabled", &ListenerHttp2::enabled, boolean(),
          "Whether it is spoken: over TLS as the client chooses, in the clear to those who begin with it.")
      .optional("streams", &ListenerHttp2::streams, integer(1, 10'000),
                "Most requests at once on a connection.")
      .optional("stream_window", &ListenerHttp2::stream_window, size(),
                "How much of a body may be sent ahead: what a slow backend can make wait here.")
      .optional("connection_window", &ListenerHttp2::connection_window, size(),
                "The same for all bodies of a connection together.");
  auto trailers = std::make_shared<ObjectType<ListenerTrailers>>(
      "trailers",
      "The trailer fields that are passed on; all others are dropped, since "
      "their recipient may take them for header "
      "fields (RFC 9110 section 6.5.1). The trailers of gRPC pass besides.");
  trailers
      ->optional("request", &ListenerTrailers::request, trailer_names(),
                 "Those of requests, for the upstream.")
      .optional("response", &ListenerTrailers::response, trailer_names(),
                "Those of responses, for the client.");
  auto listener =
      std::make_shared<ObjectType<Listener>>("listener", "An address at which clients are served.");
  listener->locate(&Listener::location)
      .required("name", &Listener::name, name_type(), "Its name in logs and metrics.")
      .required("address", &Listener::address, address_type(), "`host:port`, `[IPv6]:port` or `unix:/path`.")
      .optional(
          "mode", &Listener::mode, socket_mode_type(),
          "Permissions of a Unix socket's file, in octal and in quotes, as `\"0660\"`. Clients need the "
          "right to write.")
      .default_in_words("what the umask leaves")
      .optional("group", &Listener::group, text("www-data"),
                "The group that a Unix socket's file belongs to.")
      .default_in_words("the process's")
      .optional("tls", &Listener::tls, listener_tls_type(), "TLS towards clients.")
      .default_in_words("plain HTTP")
      .optional(
          "redirect_to_https", &Listener::redirect_to_https, https_redirect_type(),
          "Every request is answered by 308 and the same address with `https`, before routes are looked "
          "at; but those that a trusted proxy says came by TLS.")
      .optional("http2", &Listener::http2, http2, "HTTP/2 towards clients.")
      .optional(
          "trusted_proxies", &Listener::trusted_proxies, list_of<std::string>(address_range_type()),
          "Addresses of proxies before the gateway, such as `10.0.0.0/8`, whose word about the client's "
          "address, scheme and host is believed. From other clients those fields are removed.")
      .optional(
          "proxy_protocol", &Listener::proxy_protocol, list_of<std::string>(address_range_type()),
          "Addresses of load balancers that begin each connection with a PROXY header, version 1 or 2, which "
          "tells the client's address. Connections from there without one are closed; from elsewhere a "
          "header is "
          "no HTTP, and is refused.")
      .optional("forwarded", &Listener::forwarded, choice<Forwarded>(),
                "Which fields are read from trusted proxies and written for targets: `x_forwarded` "
                "(`X-Forwarded-For`, `-Proto`, `-Host`), `forwarded` (RFC 7239), `both` (reads the first, "
                "writes both) or `none`.")
      .optional(
          "via", &Listener::via, checked_text("a name, or nothing", "", "edge-1", check_via),
          "The gateway's name in the `Via` field of requests. A random word follows it, by which the gateway "
          "notices requests that come back to it (508); empty: that word alone.")
      .optional("drop_from_untrusted", &Listener::drop_from_untrusted,
                list_of<std::string>(checked_text("a header's name", "", "x-real-ip", check_forwarding_name)),
                "Header fields that by custom name the client, or the address that it asked for: they are "
                "removed from "
                "requests that do not come from one of `trusted_proxies`, in both spellings (`-` and `_`). "
                "Default: "
                "`X-Real-IP`, `X-Forwarded-Port`, `X-Forwarded-Prefix`, `X-Original-URL`, `True-Client-IP` "
                "and their like "
                "(`portcullis schema` has the whole list).")
      .default_in_words("X-Real-IP and its like")
      .optional("trailers", &Listener::trailers, trailers, "The trailer fields that are passed on.")
      .optional(
          "ambiguous_paths", &Listener::ambiguous_paths, choice<AmbiguousPaths>(),
          "Paths that servers read differently: with parameters (`/admin;x=1`, which some servers read as "
          "`/admin`), or with `%2F`, `%5C`, `%00` or overlong encodings. `refuse` them (400), "
          "`pass_parameters` and refuse those encodings, or `pass` both on, still encoded.")
      .optional("merge_slashes", &Listener::merge_slashes, boolean(),
                "Whether `//admin` is read, and sent to the upstream, as `/admin`.")
      .optional("strict_targets", &Listener::strict_targets, boolean(),
                "Whether request targets must have no characters but those of RFC 3986 (400 otherwise). "
                "Without it, what "
                "browsers and other clients send unencoded (`\"`, `<`, `>`, `\\`, `^`, a backtick, `{`, `|`, "
                "`}` and "
                "everything that is not ASCII) is taken, and encoded before anything else reads it.")
      .optional("half_close", &Listener::half_close, boolean(),
                "Whether a client of HTTP/1 that ends its side of the connection (FIN) after a complete "
                "request still "
                "gets its response. Without it, that client counts as having left: its request is given up.")
      .optional("limits", &Listener::limits, limits, "Bounds on what one client may send.")
      .optional("timeouts", &Listener::timeouts, timeouts, "How long one client may take.")
      .optional("tcp_keepalive", &Listener::tcp_keepalive, tcp_keepalive_type(),
                "How clients that are gone without a word are noticed.");
  return listener;
}

}  // namespace portcullis::config
