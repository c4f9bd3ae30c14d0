#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "tls/choices.h"
#include "tls/openssl.h"

namespace portcullis::tls {

// What both sides' contexts have in common: versions, ciphers (TLS 1.2's as OpenSSL writes them; empty: those
// that RFC 9325 recommends), groups (empty: elliptic curves), and buffers that exist only while they are
// needed.
Status set_common_options(SSL_CTX& context, Version least, const std::string& ciphers,
                          const std::string& groups);

// As ALPN has it (RFC 7301 section 3.1): each name after its length.
std::string encode_protocols(const std::vector<std::string>& names);

}  // namespace portcullis::tls
