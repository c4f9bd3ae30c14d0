#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "tls/openssl.h"

namespace portcullis::tls {

// True when the current time lies within the certificate's validity period.
bool is_valid_now(const X509& certificate);

// The verified certificate of a peer. Immutable.
struct PeerCertificate {
  std::string subject;      // in the format of RFC 2253: "CN=mobile,O=Example"
  std::string issuer;       // in the format of RFC 2253
  std::string serial;       // hexadecimal
  std::string fingerprint;  // SHA-256 of the certificate, hexadecimal, lower case
  std::vector<std::string> dns_names;
  std::vector<std::string> uris;
  std::vector<std::string> emails;
  std::string encoded;                   // DER
  std::chrono::sys_seconds not_after{};  // end of the validity period

  // The peer's certificate in a TLS session; null when the peer has presented none.
  static std::shared_ptr<const PeerCertificate> of(const SSL& ssl);
  // A certificate that was verified outside of a TLS session.
  static std::shared_ptr<const PeerCertificate> of(const X509& verified);
};

}  // namespace portcullis::tls
