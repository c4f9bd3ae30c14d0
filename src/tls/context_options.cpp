#include "tls/context_options.h"

#include <openssl/ssl.h>

namespace portcullis::tls {

Status set_common_options(SSL_CTX& context, Version least, const std::string& ciphers,
                          const std::string& groups) {
  // RFC 9325 section 4.2: forward secrecy and authenticated encryption only.
  constexpr const char* kRecommended =
      "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
      "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
  SSL_CTX_set_min_proto_version(&context, least == Version::k13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  if (SSL_CTX_set_cipher_list(&context, ciphers.empty() ? kRecommended : ciphers.c_str()) != 1)
    return Error{"OpenSSL knows no ciphers `" + ciphers + "`: " + take_error("")};
  // Without the finite fields of TLS 1.3: eight thousand bits are dear for us and free to ask for.
  constexpr const char* kGroups = "X25519:P-256:P-384:P-521:X448";
  if (SSL_CTX_set1_groups_list(&context, groups.empty() ? kGroups : groups.c_str()) != 1)
    return Error{"OpenSSL knows no groups `" + groups + "`: " + take_error("")};
  SSL_CTX_set_options(&context, SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(&context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                 SSL_MODE_RELEASE_BUFFERS);
  // One system call for all that has come, not one for each record's head and one for its rest.
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
