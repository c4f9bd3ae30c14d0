#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/diagnostics.h"
#include "config/policy_type.h"
#include "config/schema.h"
#include "config/tcp_keepalive.h"
#include "config/tls.h"
#include "http/forwarded_form.h"
#include "http/path.h"
#include "proxy/listener_http2.h"
#include "proxy/listener_limits.h"
#include "proxy/listener_timeouts.h"

// A listener as configured: an address at which clients are served, and the rules for these clients.
namespace portcullis::config {

using proxy::ListenerHttp2;
using proxy::ListenerLimits;
using proxy::ListenerTimeouts;

// The trailer fields that are forwarded.
struct ListenerTrailers {
  std::vector<std::string> request{"content-digest", "repr-digest"};
  std::vector<std::string> response{"content-digest", "etag", "repr-digest", "server-timing"};
};

using http::AmbiguousPaths;
using http::ForwardedForm;

struct Admin;

struct Listener {
  Location location;
  std::string name;
  TextMap labels;
  std::string description;
  std::string address;
  std::string mode;   // of a Unix socket's file; empty: as the umask permits
  std::string group;  // of a Unix socket's file; empty: the group of the process
  std::vector<std::string> trusted_proxies;
  std::vector<std::string> proxy_protocol;
  ForwardedForm forwarded = ForwardedForm::kXForwarded;
  std::string via = "portcullis";
  std::vector<std::string> drop_from_untrusted{"cf-connecting-ip",
                                               "cf-connecting-ipv6",
                                               "client-ip",
                                               "fastly-client-ip",
                                               "forwarded-for",
                                               "fly-client-ip",
                                               "front-end-https",
                                               "proxy",
                                               "remote-user",
                                               "true-client-ip",
                                               "x-azure-clientip",
                                               "x-client-cert",
                                               "x-client-ip",
                                               "x-cluster-client-ip",
                                               "x-envoy-external-address",
                                               "x-envoy-original-path",
                                               "x-forwarded",
                                               "x-forwarded-by",
                                               "x-forwarded-client-cert",
                                               "x-forwarded-method",
                                               "x-forwarded-path",
                                               "x-forwarded-port",
                                               "x-forwarded-protocol",
                                               "x-forwarded-prefix",
                                               "x-forwarded-scheme",
                                               "x-forwarded-server",
                                               "x-forwarded-ssl",
                                               "x-forwarded-uri",
                                               "x-host",
                                               "x-http-host-override",
                                               "x-original-forwarded-for",
                                               "x-original-host",
                                               "x-original-uri",
                                               "x-original-url",
                                               "x-originating-ip",
                                               "x-proxyuser-ip",
                                               "x-real-ip",
                                               "x-remote-addr",
                                               "x-remote-ip",
                                               "x-remote-user",
                                               "x-rewrite-url",
                                               "x-scheme",
                                               "x-ssl-client-cert",
                                               "x-url-scheme"};
  ListenerTrailers trailers;
  AmbiguousPaths ambiguous_paths = AmbiguousPaths::kRefuse;
  bool merge_slashes = true;
  bool strict_targets = false;
  bool half_close = false;
  ListenerTls tls;
  HttpsRedirect redirect_to_https;
  ListenerHttp2 http2;
  ListenerLimits limits;
  ListenerTimeouts timeouts;
  TcpKeepalive tcp_keepalive;
};

Type<Listener> listener_type();
// Reports listeners with the same name or address, also as `admin`, and rights of a file that does not exist.
void check_listeners(const SharedList<Listener>& listeners, const Admin& admin, Diagnostics& diagnostics);

// Finds a listener by the name or address that a route uses.
class ListenerAddresses {
 public:
  explicit ListenerAddresses(const SharedList<Listener>& listeners);
  // The address of the listener with that name or address, in the format of SocketAddress::to_string(). Null
  // when there is none.
  const std::string* find(const std::string& name) const;

 private:
  std::map<std::string, std::string> by_name_;
};

}  // namespace portcullis::config
