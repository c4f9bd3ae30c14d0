#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/enum_names.h"
#include "config/diagnostics.h"
#include "config/schema.h"
#include "tls/client_rules.h"
#include "tls/server_rules.h"

// TLS towards clients and towards targets, as configured. Relative paths start at the folder of the
// configuration file that contains them.
namespace portcullis::config {

struct TlsCertificate {
  Location location;
  std::string cert;
  std::string key;
  std::string ocsp;
  std::vector<std::string> names;  // empty: the names in the certificate
};

struct SessionTickets {
  bool enabled = true;
  std::chrono::milliseconds rotation{4 * 3'600'000};
  std::chrono::milliseconds lifetime{12 * 3'600'000};
  std::vector<std::string> key_files;
};

struct Hsts {
  std::chrono::milliseconds max_age{0};
  bool include_subdomains = false;
  bool preload = false;
};

enum class UnknownNames { kDefault, kRefuse };
constexpr auto names_of(UnknownNames) {
  return std::to_array<EnumName<UnknownNames>>(
      {{UnknownNames::kDefault, "default"}, {UnknownNames::kRefuse, "refuse"}});
}
using tls::ClientCertificate;

// The redirection of clients that connect without TLS.
struct HttpsRedirect {
  uint64_t port = 0;  // 0: no redirection
};

struct ListenerTls : tls::ServerRules {
  Location location{};  // line 0 when the listener does not use TLS
  std::vector<TlsCertificate> certificates;
  std::string certificate_folder;
  UnknownNames unknown_names = UnknownNames::kDefault;
  std::vector<std::string> client_certificate_hosts;
  std::string client_ca;
  std::string client_crl;
  bool forward_client_certificate = false;
  SessionTickets session_tickets;
  Hsts hsts;

  bool enabled() const { return location.line_read != 0; }
};

struct UpstreamTls : tls::ClientRules {
  Location location{};  // line 0 when the upstream does not use TLS
  std::string ca;
  std::string server_name;
  std::string cert;
  std::string key;

  bool enabled() const { return location.line_read != 0; }
};

Type<ListenerTls> listener_tls_type();  // ListenerTls
Type<HttpsRedirect> https_redirect_type();
Type<UpstreamTls> upstream_tls_type();  // UpstreamTls
// The same settings under the name `name`, towards `peers` in words ("targets").
Type<UpstreamTls> client_tls_type(const std::string& name, const std::string& peers);

// Report settings of TLS that contradict each other; false when there are any.
bool check_listener_tls(const ListenerTls& tls, Diagnostics& diagnostics);
bool check_upstream_tls(const UpstreamTls& tls, Diagnostics& diagnostics);

}  // namespace portcullis::config
