#pragma once

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

namespace portcullis::tls {

// Owns an object of OpenSSL's by its own function for giving it back.
template <typename T, void (*Free)(T*)>
struct Freed {
  void operator()(T* object) const { Free(object); }
};
inline void free_chain(STACK_OF(X509) * chain) {
  sk_X509_pop_free(chain, X509_free);
}
inline void free_bio(BIO* bio) {
  BIO_free_all(bio);
}

using SslPointer = std::unique_ptr<SSL, Freed<SSL, SSL_free>>;
using SslContextPointer = std::unique_ptr<SSL_CTX, Freed<SSL_CTX, SSL_CTX_free>>;
using SslSessionPointer = std::unique_ptr<SSL_SESSION, Freed<SSL_SESSION, SSL_SESSION_free>>;
using X509Pointer = std::unique_ptr<X509, Freed<X509, X509_free>>;
using KeyPointer = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, EVP_PKEY_free>>;
using ChainPointer = std::unique_ptr<STACK_OF(X509), Freed<STACK_OF(X509), free_chain>>;
using BioPointer = std::unique_ptr<BIO, Freed<BIO, free_bio>>;

// The reason of the oldest error in this thread's queue, which it empties; `fallback` when there is none.
std::string take_error(const std::string& fallback);

}  // namespace portcullis::tls
