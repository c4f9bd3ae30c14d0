#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "tls/context_options.h"
#include "tls/session.h"

namespace portcullis::tls {

struct ClientSettings {
  Version least = Version::k12;
  std::string ciphers;
  bool verify = true;
  std::string ca;           // PEM file; empty: the system's
  std::string certificate;  // PEM file, shown to servers that ask; empty: none
  std::string key;
  std::vector<std::string> protocols;  // for ALPN

  bool operator==(const ClientSettings&) const = default;
};

// How an upstream's targets are spoken to over TLS. Immutable; shared by the workers.
class ClientContext {
 public:
  static Result<std::shared_ptr<const ClientContext>> make(const ClientSettings& settings);

  // For a connection to `host`, a name or an address, which is asked for (RFC 6066 section 3) and whose
  // certificate it must have when verification is on. `resume` (may be null) is a session to be resumed. New
  // sessions go to `keep`, which outlives the session; it may be null.
  std::unique_ptr<Session> make_session(const std::string& host, SSL_SESSION* resume,
                                        SslSessionPointer* keep) const;

 private:
  explicit ClientContext(const ClientSettings& settings) : settings_(settings) {}
  Status prepare();
  static int keep_session(SSL* ssl, SSL_SESSION* session);

  const ClientSettings settings_;
  std::string protocols_;  // as ALPN encodes them
  SslContextPointer context_;
};

}  // namespace portcullis::tls
