#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "tls/client_rules.h"
#include "tls/context_options.h"
#include "tls/session.h"

namespace portcullis::tls {

struct ClientSettings : ClientRules {
  std::string ca{};           // PEM file; empty: the system's certificate authorities
  std::string certificate{};  // PEM file, presented to servers that request a certificate; empty: none
  std::string key{};
  std::vector<std::string> protocols{};  // names for ALPN

  bool operator==(const ClientSettings&) const = default;
};

// The TLS settings of connections to an upstream's targets. Immutable; shared by the workers.
class ClientContext {
 public:
  static Result<std::shared_ptr<const ClientContext>> make(const ClientSettings& settings);

  // Makes a session for a connection to `host`, a name or an address. `host` is sent as the server name (RFC
  // 6066 section 3), and with verification the server's certificate must match it. `resume` (may be null) is
  // a session to resume. New sessions are passed to `keep` (may be null), which must outlive the returned
  // session.
  std::unique_ptr<Session> make_session(const std::string& host, SSL_SESSION* resume,
                                        SslSessionPointer* keep) const;

 private:
  explicit ClientContext(const ClientSettings& settings) : settings_(settings) {}
  Status prepare();
  static int keep_session(SSL* ssl, SSL_SESSION* session);

  const ClientSettings settings_;
  std::string protocols_;  // in the wire format of ALPN
  SslContextPointer context_;
};

}  // namespace portcullis::tls
