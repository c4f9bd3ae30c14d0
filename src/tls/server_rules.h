#pragma once

#include <string>

#include "tls/choices.h"

namespace portcullis::tls {

// How a listener speaks TLS. The members have the names of the configuration's keys.
struct ServerRules {
  Version min_version = Version::k12;
  std::string ciphers{};  // of TLS 1.2, in OpenSSL's syntax; empty: those that RFC 9325 recommends
  std::string groups = "X25519:P-256:P-384:P-521:X448";  // for the key exchange
  ClientCertificate client_certificate = ClientCertificate::kNone;
  bool kernel = false;  // the kernel encrypts, where it supports that
};

}  // namespace portcullis::tls
