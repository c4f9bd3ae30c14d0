#pragma once

#include <string>

#include "tls/choices.h"

namespace portcullis::tls {

// How TLS is spoken with the targets of an upstream. The members have the names of the configuration's keys.
struct ClientRules {
  bool verify = true;
  Version min_version = Version::k12;
  std::string ciphers{};  // of TLS 1.2, in OpenSSL's syntax; empty: those that RFC 9325 recommends

  bool operator==(const ClientRules&) const = default;
};

}  // namespace portcullis::tls
