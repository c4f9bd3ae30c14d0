#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "tls/openssl.h"

namespace portcullis::tls {

// The certificate's time has begun and is not over.
bool is_valid_now(const X509& certificate);

// What a peer has shown of itself, verified. Immutable.
struct PeerCertificate {
  std::string subject;      // as RFC 2253 writes it: "CN=mobile,O=Example"
  std::string issuer;       // likewise
  std::string serial;       // hexadecimal
  std::string fingerprint;  // SHA-256 of the certificate, hexadecimal, lower case
  std::vector<std::string> dns_names;
  std::vector<std::string> uris;
  std::vector<std::string> emails;
  std::string encoded;                   // DER
  std::chrono::sys_seconds not_after{};  // it is good until then

  // Of the session; null when the peer has shown none.
  static std::shared_ptr<const PeerCertificate> of(const SSL& ssl);
  // Of a certificate that has been verified by other means.
  static std::shared_ptr<const PeerCertificate> of(const X509& verified);
};

}  // namespace portcullis::tls
