#include "config/tls.h"

#include <algorithm>

#include "config/field_types.h"
#include "config/marked_type.h"

namespace portcullis::config {
namespace {

Type<tls::Version> version_type() {
  return choice<tls::Version>();
}

std::string check_server_name(const std::string& name) {
  const bool good = !name.empty() && name.find_first_of(" /:*") == std::string::npos;
  return good ? "" : "`" + name + "` is not a name: write orders.internal";
}

std::string check_certificate_name(const std::string& name) {
  const std::string rest = name.starts_with("*.") ? name.substr(2) : name;
  const bool good = !rest.empty() && rest.find_first_of(" /:*") == std::string::npos &&
                    std::none_of(rest.begin(), rest.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  return good ? "" : "`" + name + "` is not a name: write api.example.com or *.example.com, in lower case";
}

Type<TlsCertificate> certificate_type() {
  auto certificate =
      std::make_shared<ObjectType<TlsCertificate>>("certificate", "A certificate and its key.");
  certificate->locate(&TlsCertificate::location)
      .required("cert", &TlsCertificate::cert, file_path("/etc/portcullis/tls/api.crt"),
                "A PEM file: the certificate, then its chain.")
      .required("key", &TlsCertificate::key, file_path("/etc/portcullis/tls/api.key"),
                "The PEM file of its private key.")
      .optional("ocsp", &TlsCertificate::ocsp, file_path("/etc/portcullis/tls/api.ocsp"),
                "A file with an OCSP response (DER). The gateway sends it in the TLS handshake while it is "
                "up to date.")
      .optional("names", &TlsCertificate::names,
                list_of<std::string>(checked_text("a name", "", "api.example.com", check_certificate_name)),
                "The host names for which the certificate is used. With `names`, the files are read only "
                "when a client asks for one of them.")
      .default_in_words("the names in the certificate");
  return certificate;
}

Type<SessionTickets> session_tickets_type() {
  auto tickets = std::make_shared<ObjectType<SessionTickets>>(
      "session_tickets", "Session tickets, by which clients resume TLS sessions.");
  tickets->optional("enabled", &SessionTickets::enabled, boolean(), "Whether clients can resume sessions.")
      .optional("rotation", &SessionTickets::rotation, duration(),
                "Time after which a new key encrypts the tickets. All workers share the keys, and a reload "
                "keeps them.")
      .optional("lifetime", &SessionTickets::lifetime, duration(), "Max age of a ticket.")
      .optional("key_files", &SessionTickets::key_files,
                list_of<std::string>(file_path("/etc/portcullis/tls/tickets")),
                "Files of 80 random bytes each, in place of keys that the gateway makes: for nodes that "
                "resume each other's sessions. The key of the first file encrypts new tickets; tickets of "
                "all keys are accepted.");
  return tickets;
}

Type<Hsts> hsts_type() {
  auto hsts =
      std::make_shared<ObjectType<Hsts>>("hsts", "Tells browsers to use TLS only for this host (RFC 6797).");
  hsts->required("max_age", &Hsts::max_age, duration(),
                 "How long browsers use only TLS for the host, such as `8760h`.")
      .optional("include_subdomains", &Hsts::include_subdomains, boolean(),
                "Whether browsers use only TLS for subdomains too.")
      .optional("preload", &Hsts::preload, boolean(),
                "Whether browsers may add the host to their preload lists.");
  return hsts;
}

// The certificates of the gateway, and how connections are protected.
void describe_certificates(ObjectType<ListenerTls>& tls) {
  tls.locate(&ListenerTls::location)
      .optional("certificates", &ListenerTls::certificates, list_of<TlsCertificate>(certificate_type()),
                "The certificates that clients get. Clients that ask for no name get the first one. Files "
                "that change are read again, and connections go on.")
      .optional("certificate_folder", &ListenerTls::certificate_folder, file_path("/etc/portcullis/tls"),
                "A folder of further certificates. Each is read when a client first asks for its name: "
                "`NAME.crt` or `NAME.pem` with `NAME.key`, or `NAME/fullchain.pem` with `NAME/privkey.pem`; "
                "`_.` at the beginning of `NAME` stands for `*.`.")
      .optional("unknown_names", &ListenerTls::unknown_names, choice<UnknownNames>(),
                "The answer to clients that ask for a name without a certificate: `default` shows the first "
                "certificate, `refuse` refuses the handshake.")
      .optional("min_version", &ListenerTls::min_version, version_type(), "Min version of TLS.")
      .optional("ciphers", &ListenerTls::ciphers,
                text("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"),
                "Cipher suites of TLS 1.2, in OpenSSL's notation.")
      .default_in_words("those of RFC 9325")
      .optional("groups", &ListenerTls::groups, text("X25519:P-256"),
                "Groups of the key exchange, in OpenSSL's notation.");
}

// The certificates of clients.
void describe_clients(ObjectType<ListenerTls>& tls) {
  tls.optional("client_certificate", &ListenerTls::client_certificate, choice<ClientCertificate>(),
               "Whether clients are asked for a certificate. A certificate that does not verify always "
               "makes the handshake fail.")
      .optional("client_certificate_hosts", &ListenerTls::client_certificate_hosts,
                list_of<std::string>(checked_text("a name", "", "api.example.com", check_certificate_name)),
                "Only clients that ask for one of these server names (SNI), such as `api.example.com` or "
                "`*.example.com`, are asked for a certificate, so that browsers do not offer a choice of "
                "certificates for other hosts. A request for such a host on a connection that was made for "
                "another name gets 421, and the client sends it again on a new connection.")
      .default_in_words("all")
      .optional("client_ca", &ListenerTls::client_ca, file_path("/etc/portcullis/tls/clients-ca.pem"),
                "A PEM file of the authorities that may have issued the clients' certificates.")
      .optional("client_crl", &ListenerTls::client_crl, file_path("/etc/portcullis/tls/clients.crl"),
                "A PEM file of revocation lists, one for each issuer.")
      .optional("forward_client_certificate", &ListenerTls::forward_client_certificate, boolean(),
                "Whether backends get the client's certificate in the field `Client-Cert` (RFC 9440). A "
                "field of that name that a client sends is always removed.");
}

}  // namespace

Type<ListenerTls> listener_tls_type() {
  auto tls = std::make_shared<ObjectType<ListenerTls>>("tls", "TLS towards clients.");
  describe_certificates(*tls);
  describe_clients(*tls);
  tls->optional("session_tickets", &ListenerTls::session_tickets, session_tickets_type(),
                "Session tickets, by which clients resume TLS sessions.")
      .optional("kernel", &ListenerTls::kernel, boolean(),
                "Whether the kernel encrypts the data that the gateway sends (kTLS), for ciphers that the "
                "kernel supports.")
      .optional("hsts", &ListenerTls::hsts, hsts_type(),
                "Tells browsers to use TLS only for this host (RFC 6797).");
  return tls;
}

Type<HttpsRedirect> https_redirect_type() {
  auto type = std::make_shared<ObjectType<HttpsRedirect>>(
      "redirect_to_https", "Redirects clients that came without TLS to `https`.");
  type->required(
      "port", &HttpsRedirect::port, integer(1, 65'535),
      "The port of the listener with `tls`, as clients reach it. In the redirection 443 is left out.");
  return type;
}

Type<UpstreamTls> upstream_tls_type() {
  return client_tls_type("upstream_tls", "targets");
}

Type<UpstreamTls> client_tls_type(const std::string& name, const std::string& peers) {
  auto tls = std::make_shared<ObjectType<UpstreamTls>>(name, "TLS towards " + peers + ".");
  tls->locate(&UpstreamTls::location)
      .optional("verify", &UpstreamTls::verify, boolean(),
                "Whether " + peers + " must have a valid certificate for their name.")
      .optional("ca", &UpstreamTls::ca, file_path("/etc/portcullis/tls/internal-ca.pem"),
                "A PEM file of the authorities that may have issued the certificates of " + peers + ".")
      .default_in_words("the system's")
      .optional(
          "server_name", &UpstreamTls::server_name,
          checked_text("a name", "", "orders.internal", check_server_name),
          "The name that the gateway sends in the TLS handshake (SNI), and for which the certificates of " +
              peers + " must be valid.")
      .default_in_words("the host of the address")
      .optional("cert", &UpstreamTls::cert, file_path("/etc/portcullis/tls/api.crt"),
                "A PEM file: the certificate that the gateway shows to " + peers + ", then its chain.")
      .optional("key", &UpstreamTls::key, file_path("/etc/portcullis/tls/api.key"),
                "The PEM file of its private key.")
      .optional("min_version", &UpstreamTls::min_version, version_type(), "Min version of TLS.")
      .optional("ciphers", &UpstreamTls::ciphers,
                text("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"),
                "Cipher suites of TLS 1.2, in OpenSSL's notation.")
      .default_in_words("those of RFC 9325");
  return tls;
}

bool check_listener_tls(const ListenerTls& tls, Diagnostics& diagnostics) {
  const auto refuse = [&](const char* problem) {
    diagnostics.error(tls.location, problem);
    return false;
  };
  constexpr std::chrono::seconds kMinAge{1};
  if (tls.certificates.empty() && tls.certificate_folder.empty())
    return refuse("`tls` needs `certificates` or `certificate_folder`");
  if (tls.client_certificate != ClientCertificate::kNone && tls.client_ca.empty())
    return refuse(
        "`client_certificate` needs `client_ca`, the file of the authorities that may "
        "have issued the clients' certificates");
  if (tls.client_certificate == ClientCertificate::kNone &&
      (!tls.client_ca.empty() || !tls.client_crl.empty() || tls.forward_client_certificate ||
       !tls.client_certificate_hosts.empty()))
    return refuse(
        "`client_ca`, `client_crl`, `client_certificate_hosts` and "
        "`forward_client_certificate` have no effect, because clients are not asked for "
        "a certificate: add `client_certificate: required` or `optional`");
  if (tls.session_tickets.rotation < kMinAge || tls.session_tickets.lifetime < kMinAge)
    return refuse("`rotation` and `lifetime` of `session_tickets` must be at least 1s");
  return true;
}

bool check_upstream_tls(const UpstreamTls& tls, Diagnostics& diagnostics) {
  if (tls.cert.empty() == tls.key.empty()) return true;
  diagnostics.error(tls.location, "`tls` has only one of `cert` and `key`: add the other one");
  return false;
}

}  // namespace portcullis::config
