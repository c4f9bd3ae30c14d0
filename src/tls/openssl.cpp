#include "tls/openssl.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace portcullis::tls {

void Free::operator()(SSL* object) const {
  SSL_free(object);
}
void Free::operator()(SSL_CTX* object) const {
  SSL_CTX_free(object);
}
void Free::operator()(SSL_SESSION* object) const {
  SSL_SESSION_free(object);
}
void Free::operator()(X509* object) const {
  X509_free(object);
}
void Free::operator()(EVP_PKEY* object) const {
  EVP_PKEY_free(object);
}
void Free::operator()(stack_st_X509* object) const {
  sk_X509_pop_free(object, X509_free);
}
void Free::operator()(BIO* object) const {
  BIO_free_all(object);
}

std::string take_error(const std::string& fallback) {
  const unsigned long first = ERR_get_error();
  ERR_clear_error();
  const char* reason = first == 0 ? nullptr : ERR_reason_error_string(first);
  return reason == nullptr ? fallback : reason;
}

}  // namespace portcullis::tls
