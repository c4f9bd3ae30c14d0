#include "config/tls.h"

#include <algorithm>

#include "config/field_types.h"

namespace portcullis::config {
namespace {

Type<TlsVersion> version_type() {
  return choice<TlsVersion>();
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

}  // namespace

Type<ListenerTls> listener_tls_type() {
  auto certificate =
      std::make_shared<ObjectType<TlsCertificate>>("certificate", "A certificate and its key.");
  certificate->locate(&TlsCertificate::location)
      .required("cert", &TlsCertificate::cert, text("/etc/portcullis/tls/api.crt"),
                "A PEM file: the certificate, then its chain.")
      .required("key", &TlsCertificate::key, text("/etc/portcullis/tls/api.key"),
                "The PEM file of its private key.")
      .optional("ocsp", &TlsCertificate::ocsp, text("/etc/portcullis/tls/api.ocsp"),
                "A file with an OCSP response (DER), which is stapled while it is up to date.")
      .optional("names", &TlsCertificate::names,
                list_of<std::string>(checked_text("a name", "", "api.example.com", check_certificate_name)),
                "For which names it is shown. With them it is read only when a client asks for one.")
      .default_in_words("the certificate's own");
  auto tickets =
      std::make_shared<ObjectType<SessionTickets>>("session_tickets", "How clients resume sessions.");
  tickets->optional("enabled", &SessionTickets::enabled, boolean(), "Whether they can.")
      .optional("rotation", &SessionTickets::rotation, duration(),
                "How often a new key seals them. Keys are shared by the workers and outlive a reload.")
      .optional("lifetime", &SessionTickets::lifetime, duration(), "How long one is honoured.")
      .optional(
          "key_files", &SessionTickets::key_files, list_of<std::string>(text("/etc/portcullis/tls/tickets")),
          "Files of 80 random bytes, instead of keys of the gateway's own making: for nodes that resume each "
          "other's sessions. The first seals, all open.");
  auto hsts = std::make_shared<ObjectType<Hsts>>("hsts", "Tells browsers to come by TLS only (RFC 6797).");
  hsts->required("max_age", &Hsts::max_age, duration(), "For how long, as `8760h`.")
      .optional("include_subdomains", &Hsts::include_subdomains, boolean(), "For the names below, too.")
      .optional("preload", &Hsts::preload, boolean(), "Consents to the browsers' own lists.");
  auto tls = std::make_shared<ObjectType<ListenerTls>>("tls", "TLS towards clients.");
  tls->locate(&ListenerTls::location)
      .optional(
          "certificates", &ListenerTls::certificates, list_of<TlsCertificate>(certificate),
          "The certificates to show. The first one is also shown to clients that ask for no name. Files that "
          "change are read again, and connections go on.")
      .optional(
          "certificate_folder", &ListenerTls::certificate_folder, text("/etc/portcullis/tls"),
          "A folder of further ones, each read when a client first asks for its name: `NAME.crt` or "
          "`NAME.pem` "
          "with `NAME.key`, or `NAME/fullchain.pem` with `NAME/privkey.pem`; `_.` at the beginning of `NAME` "
          "stands for `*.`.")
      .optional("unknown_names", &ListenerTls::unknown_names, choice<UnknownNames>(),
                "For a name without a certificate: show the first one, or `refuse` the handshake.")
      .optional("min_version", &ListenerTls::min_version, version_type(),
                "The oldest version that is spoken.")
      .optional("ciphers", &ListenerTls::ciphers,
                text("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"),
                "Cipher suites of TLS 1.2, as OpenSSL writes them.")
      .default_in_words("those of RFC 9325")
      .optional("groups", &ListenerTls::groups, text("X25519:P-256"),
                "Groups of the key exchange, as OpenSSL writes them.")
      .optional(
          "client_certificate", &ListenerTls::client_certificate, choice<ClientCertificate>(),
          "Whether clients are asked for a certificate. One that does not verify always fails the handshake.")
      .optional("client_certificate_hosts", &ListenerTls::client_certificate_hosts,
                list_of<std::string>(checked_text("a name", "", "api.example.com", check_certificate_name)),
                "Only clients that ask for one of these server names (SNI), as `api.example.com` or "
                "`*.example.com`, "
                "are asked for a certificate: browsers of other hosts show no choice. A request for such a "
                "host on a "
                "connection that was made for another name is answered with 421, and comes again on its own.")
      .default_in_words("all")
      .optional("client_ca", &ListenerTls::client_ca, text("/etc/portcullis/tls/clients-ca.pem"),
                "A PEM file of the authorities that may have issued the clients' certificates.")
      .optional("client_crl", &ListenerTls::client_crl, text("/etc/portcullis/tls/clients.crl"),
                "A PEM file of revocation lists, one for each issuer.")
      .optional(
          "forward_client_certificate", &ListenerTls::forward_client_certificate, boolean(),
          "Whether backends get it as `Client-Cert` (RFC 9440). What clients send under that name is removed "
          "in any case.")
      .optional("session_tickets", &ListenerTls::session_tickets, tickets, "How clients resume sessions.")
      .optional("kernel", &ListenerTls::kernel, boolean(),
                "Whether the kernel encrypts what is sent (kTLS), where it can.")
      .optional("hsts", &ListenerTls::hsts, hsts, "Tells browsers to come by TLS only (RFC 6797).");
  return tls;
}

Type<HttpsRedirect> https_redirect_type() {
  auto type = std::make_shared<ObjectType<HttpsRedirect>>("redirect_to_https",
                                                          "Sends clients that came in the clear to `https`.");
  type->required("port", &HttpsRedirect::port, integer(1, 65'535),
                 "Of the listener with `tls`, as clients reach it; 443 is not written.");
  return type;
}

Type<UpstreamTls> upstream_tls_type() {
  auto tls = std::make_shared<ObjectType<UpstreamTls>>("upstream_tls", "TLS towards targets.");
  tls->locate(&UpstreamTls::location)
      .optional("verify", &UpstreamTls::verify, boolean(),
                "Whether targets must have a good certificate for their name.")
      .optional("ca", &UpstreamTls::ca, text("/etc/portcullis/tls/targets-ca.pem"),
                "A PEM file of the authorities that may have issued the targets' certificates.")
      .default_in_words("the system's")
      .optional("server_name", &UpstreamTls::server_name,
                checked_text("a name", "", "orders.internal", check_server_name),
                "The name that is asked for and must be in the certificate.")
      .default_in_words("the target's")
      .optional("cert", &UpstreamTls::cert, text("/etc/portcullis/tls/api.crt"),
                "A PEM file: the certificate that targets are shown.")
      .optional("key", &UpstreamTls::key, text("/etc/portcullis/tls/api.key"),
                "The PEM file of its private key.")
      .optional("min_version", &UpstreamTls::min_version, version_type(),
                "The oldest version that is spoken.")
      .optional("ciphers", &UpstreamTls::ciphers,
                text("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"),
                "Cipher suites of TLS 1.2, as OpenSSL writes them.")
      .default_in_words("those of RFC 9325");
  return tls;
}

}  // namespace portcullis::config
