#include "tls/context_options.h"

#include <openssl/ssl.h>

namespace portcullis::tls {

Status set_common_options(SSL_CTX& context, Version min, const std::string& ciphers,
                          const std::string& groups) {
  // RFC 9325 section 4.2: only ciphers with forward secrecy and authenticated encryption.
  constexpr const char* kRecommended =
      "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
      "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
  SSL_CTX_set_min_proto_version(&context, min == Version::k13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  if (SSL_CTX_set_cipher_list(&context, ciphers.empty() ? kRecommended : ciphers.c_str()) != 1)
    return Error{"OpenSSL does not support the ciphers `" + ciphers + "`: " + take_error("")};
  // Without the finite-field groups of TLS 1.3: an 8192-bit exchange is expensive for the server, and
  // requesting one costs a client nothing.
  constexpr const char* kGroups = "X25519:P-256:P-384:P-521:X448";
  if (SSL_CTX_set1_groups_list(&context, groups.empty() ? kGroups : groups.c_str()) != 1)
    return Error{"OpenSSL does not support the groups `" + groups + "`: " + take_error("")};
  SSL_CTX_set_options(&context, SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(&context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                 SSL_MODE_RELEASE_BUFFERS);
  // Read-ahead reads all received data in one system call, instead of one call per record header and one per
  // record body.
  SSL_CTX_set_read_ahead(&context, 1);
  return {};
}

std::string encode_protocols(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) {
    out += static_cast<char>(name.size());
    out += name;
  }
  return out;
}

}  // namespace portcullis::tls
