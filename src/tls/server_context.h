#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "tls/certificates.h"
#include "tls/context_options.h"
#include "tls/session.h"
#include "tls/ticket_keys.h"

namespace portcullis::tls {

enum class ClientCertificate : uint8_t { kNone, kOptional, kRequired };

struct ServerSettings {
  std::string name;  // of the listener: sessions are resumed there only
  Version least = Version::k12;
  std::string ciphers;  // of TLS 1.2, as OpenSSL writes them; empty: those recommended by RFC 9325
  std::string groups;   // for the key exchange; empty: OpenSSL's own
  bool refuse_unknown_names = false;
  ClientCertificate client_certificate = ClientCertificate::kNone;
  std::string client_ca;                // PEM file
  std::string client_crl;               // PEM file; empty: none
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
  static int offer_to_kernel(SSL* ssl, int* alert, void*);

  const ServerSettings settings_;
  const CertificateNames names_;
  std::string protocols_;  // as ALPN encodes them
  SslContextPointer context_;
};

}  // namespace portcullis::tls
