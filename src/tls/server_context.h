#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/name_patterns.h"
#include "base/result.h"
#include "crypto/digest.h"
#include "tls/certificates.h"
#include "tls/context_options.h"
#include "tls/peer_certificate.h"
#include "tls/server_rules.h"
#include "tls/session.h"
#include "tls/ticket_keys.h"

namespace portcullis::tls {

struct ServerSettings : ServerRules {
  std::string name{};  // the listener's name; sessions are resumed at this listener only
  bool refuse_unknown_names = false;
  std::string client_ca{};   // PEM file
  std::string client_crl{};  // PEM file; empty: no revocation list
  NamePatterns
      client_hosts{};  // only clients that ask for these names must present a certificate; empty: all clients
  std::vector<std::string> protocols{};   // for ALPN, in order of preference
  std::shared_ptr<TicketKeys> tickets{};  // null: no session tickets
};

// True when this machine's kernel supports TLS.
bool kernel_speaks_tls();

// The TLS settings of a listener: certificates, versions, and requirements for clients. Immutable; shared by
// the workers.
class ServerContext {
 public:
  static Result<std::shared_ptr<const ServerContext>> make(const ServerSettings& settings,
                                                           CertificateNames names);

  // Whether a client that asks for the server name `name` (lower case) is requested to present a certificate.
  // A request for such a host must not be sent on a connection that was made for another name.
  bool asks_for(std::string_view name) const {
    return settings_.client_certificate != ClientCertificate::kNone &&
           (settings_.client_hosts.empty() || settings_.client_hosts.contains(name));
  }
  // True when client certificates are requested for some server names only.
  bool asks_by_name() const { return !settings_.client_hosts.empty(); }

  // Verifies a client certificate as a handshake for the server name `name` (lower case) would. `pem` holds
  // the certificate, which intermediate certificates may follow; empty: the client presents none. Null when
  // the client has no certificate or none is requested. An error when the handshake would fail. Blocks.
  Result<std::shared_ptr<const PeerCertificate>> judge(const std::string& pem, const std::string& name) const;

  // Makes a session for a new connection; null when out of memory.
  std::unique_ptr<Session> make_session() const;

 private:
  ServerContext(const ServerSettings& settings, CertificateNames names)
      : settings_(settings), names_(std::move(names)) {}
  Status prepare();
  Status verify_clients();
  // OpenSSL's callbacks; the last parameter is the ServerContext.
  static int check_name(SSL* ssl, int* alert, void* self);
  static int choose_certificate(SSL* ssl, void* self);
  static int choose_protocol(SSL* ssl, const unsigned char** out, unsigned char* out_size,
                             const unsigned char* offered, unsigned offered_size, void* self);
  static int staple(SSL* ssl, void* self);
  static int receive_hello(SSL* ssl, int* alert, void* self);
  static int open_ticket(SSL* ssl, SSL_SESSION* session, const unsigned char* name, size_t name_size,
                         SSL_TICKET_STATUS status, void*);

  const ServerSettings settings_;
  const CertificateNames names_;
  std::string protocols_;        // in the wire format of ALPN
  crypto::Digest256 unasked_{};  // session id context for clients that are not asked for a certificate
  SslContextPointer context_;
};

}  // namespace portcullis::tls
