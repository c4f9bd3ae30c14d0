#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "tls/choices.h"
#include "tls/openssl.h"

namespace portcullis::tls {

// Sets the options that server and client contexts share: the versions, the ciphers of TLS 1.2 (in OpenSSL's
// syntax; empty: those that RFC 9325 recommends), the groups (empty: elliptic curves), and buffers that are
// allocated only while needed.
Status set_common_options(SSL_CTX& context, Version min, const std::string& ciphers,
                          const std::string& groups);

// Encodes names for ALPN (RFC 7301 section 3.1): each name is preceded by its length.
std::string encode_protocols(const std::vector<std::string>& names);

}  // namespace portcullis::tls
