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
#include "tls/choices.h"
#include "tls/context_options.h"
#include "tls/peer_certificate.h"
#include "tls/session.h"
#include "tls/ticket_keys.h"

namespace portcullis::tls {

struct ServerSettings {
  std::string name;  // of the listener: sessions are resumed there only
  Version least = Version::k12;
  std::string ciphers;  // of TLS 1.2, as OpenSSL writes them; empty: those recommended by RFC 9325
  std::string groups;   // for the key exchange; empty: OpenSSL's own
  bool refuse_unknown_names = false;
  ClientCertificate client_certificate = ClientCertificate::kNone;
  std::string client_ca;                // PEM file
  std::string client_crl;               // PEM file; empty: none
  NamePatterns client_hosts;            // clients that ask for another name are not asked; empty: all are
  std::vector<std::string> protocols;   // for ALPN, the best first
  std::shared_ptr<TicketKeys> tickets;  // null: none
  bool kernel = false;                  // encrypts, where it can
};

// This machine's kernel knows TLS.
bool kernel_speaks_tls();

// How a listener speaks TLS: what it shows, takes and requires. Immutable; shared by the workers.
class ServerContext {
 public:
  static Result<std::shared_ptr<const ServerContext>> make(const ServerSettings& settings,
                                                           CertificateNames names);

  // Whether a client that comes for this name, in lower case, is asked for a certificate. A request for such
  // a host does not belong on a connection that was made for another.
  bool asks_for(std::string_view name) const {
    return settings_.client_certificate != ClientCertificate::kNone &&
           (settings_.client_hosts.empty() || settings_.client_hosts.contains(name));
  }
  // That is so for some names and not for others.
  bool asks_by_name() const { return !settings_.client_hosts.empty(); }

  // What a handshake for that name, in lower case, makes of the client's certificate in `pem`, which those
  // that lead to its authority may follow; empty: the client shows none. Null when it has none or is not
  // asked. An error: the handshake fails. Blocks.
  Result<std::shared_ptr<const PeerCertificate>> judge(const std::string& pem, const std::string& name) const;

  // For a new connection; null when memory is short.
  std::unique_ptr<Session> make_session() const;

 private:
  ServerContext(const ServerSettings& settings, CertificateNames names)
      : settings_(settings), names_(std::move(names)) {}
  Status prepare();
  Status verify_clients();
  // OpenSSL's callbacks; the last parameter is the context.
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
  std::string protocols_;        // as ALPN encodes them
  crypto::Digest256 unasked_{};  // the session id context of clients that are not asked for a certificate
  SslContextPointer context_;
};

}  // namespace portcullis::tls
