// Verifies a client certificate outside of a handshake, by the rules of a listener.

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include "tls/server_context.h"

namespace portcullis::tls {
namespace {

using JudgementPointer = std::unique_ptr<X509_STORE_CTX, Freed<X509_STORE_CTX, X509_STORE_CTX_free>>;

X509Pointer next_certificate(BIO* file) {
  return X509Pointer(PEM_read_bio_X509(file, nullptr, nullptr, nullptr));
}

}  // namespace

Result<std::shared_ptr<const PeerCertificate>> ServerContext::judge(const std::string& pem,
                                                                    const std::string& name) const {
  const std::shared_ptr<const PeerCertificate> none;
  if (settings_.refuse_unknown_names && names_.find(name, false) == nullptr)
    return Error{"no certificate is configured for the name `" + name + "`"};
  if (!asks_for(name)) return none;
  if (pem.empty()) {
    if (settings_.client_certificate == ClientCertificate::kRequired)
      return Error{"the client presents no certificate, which the listener requires"};
    return none;
  }
  const BioPointer file(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const X509Pointer certificate = file ? next_certificate(file.get()) : nullptr;
  const ChainPointer chain(sk_X509_new_null());
  if (!certificate || !chain) return Error{"the client's certificate: " + take_error("it is not PEM")};
  while (X509Pointer next = next_certificate(file.get())) {
    if (sk_X509_push(chain.get(), next.get()) > 0) (void)next.release();
  }
  ERR_clear_error();  // reading to the end of the PEM text leaves an error in the queue
  // The same steps as in OpenSSL's handshake (ssl_verify_cert_chain).
  const JudgementPointer judgement(X509_STORE_CTX_new());
  if (!judgement || X509_STORE_CTX_init(judgement.get(), SSL_CTX_get_cert_store(context_.get()),
                                        certificate.get(), chain.get()) != 1)
    return Error{"the client's certificate: " + take_error("it cannot be verified")};
  X509_VERIFY_PARAM* rules = X509_STORE_CTX_get0_param(judgement.get());
  X509_VERIFY_PARAM_set_auth_level(rules, SSL_CTX_get_security_level(context_.get()));
  X509_STORE_CTX_set_default(judgement.get(), "ssl_client");
  X509_VERIFY_PARAM_set1(rules, SSL_CTX_get0_param(context_.get()));
  if (X509_verify_cert(judgement.get()) != 1) {
    const int why = X509_STORE_CTX_get_error(judgement.get());
    ERR_clear_error();
    return Error{std::string("the client's certificate: ") + X509_verify_cert_error_string(why)};
  }
  return PeerCertificate::of(*certificate);
}

}  // namespace portcullis::tls
