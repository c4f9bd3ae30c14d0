#pragma once

#include <openssl/types.h>

#include <memory>
#include <string>

struct stack_st_X509;                       // STACK_OF(X509)
typedef struct ssl_session_st SSL_SESSION;  // as declared in <openssl/ssl.h>

namespace portcullis::tls {

// Frees an OpenSSL object with `function`. For files that include OpenSSL's headers.
template <typename T, void (*function)(T*)>
struct Freed {
  void operator()(T* object) const { function(object); }
};

// Frees an OpenSSL object with OpenSSL's function for its type. Declared here and defined in openssl.cpp, so
// that a file that only holds such objects does not have to include OpenSSL's headers.
struct Free {
  void operator()(SSL* object) const;
  void operator()(SSL_CTX* object) const;
  void operator()(SSL_SESSION* object) const;
  void operator()(X509* object) const;
  void operator()(EVP_PKEY* object) const;
  void operator()(stack_st_X509* object) const;  // frees the certificates as well
  void operator()(BIO* object) const;            // frees the whole chain
};

using SslPointer = std::unique_ptr<SSL, Free>;
using SslContextPointer = std::unique_ptr<SSL_CTX, Free>;
using SslSessionPointer = std::unique_ptr<SSL_SESSION, Free>;
using X509Pointer = std::unique_ptr<X509, Free>;
using KeyPointer = std::unique_ptr<EVP_PKEY, Free>;
using ChainPointer = std::unique_ptr<stack_st_X509, Free>;
using BioPointer = std::unique_ptr<BIO, Free>;

// The reason of the oldest error in this thread's OpenSSL error queue, or `fallback` without an error.
// Empties the queue.
std::string take_error(const std::string& fallback);

}  // namespace portcullis::tls
