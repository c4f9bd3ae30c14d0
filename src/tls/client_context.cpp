#include "tls/client_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "runtime/ip_range.h"

namespace portcullis::tls {
namespace {

int place_of_kept() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

}  // namespace

Result<std::shared_ptr<const ClientContext>> ClientContext::make(const ClientSettings& settings) {
  std::shared_ptr<ClientContext> out(new ClientContext(settings));
  if (const Status prepared = out->prepare(); !prepared) return prepared.error();
  return std::shared_ptr<const ClientContext>(std::move(out));
}

Status ClientContext::prepare() {
  context_.reset(SSL_CTX_new(TLS_client_method()));
  if (!context_) return Error{take_error("OpenSSL has no memory")};
  SSL_CTX* context = context_.get();
  if (Status set = set_common_options(*context, settings_.min_version, settings_.ciphers, ""); !set)
    return set;
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, keep_session);
  if (settings_.verify) {
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    const int loaded = settings_.ca.empty() ? SSL_CTX_set_default_verify_paths(context)
                                            : SSL_CTX_load_verify_file(context, settings_.ca.c_str());
    if (loaded != 1)
      return Error{"no certificates in `" + settings_.ca + "`: " + take_error("it is not PEM")};
  }
  if (!settings_.certificate.empty()) {
    if (SSL_CTX_use_certificate_chain_file(context, settings_.certificate.c_str()) != 1)
      return Error{"no certificate in `" + settings_.certificate + "`: " + take_error("it is not PEM")};
    if (SSL_CTX_use_PrivateKey_file(context, settings_.key.c_str(), SSL_FILETYPE_PEM) != 1)
      return Error{"cannot use the key in `" + settings_.key + "` with the certificate in `" +
                   settings_.certificate + "`: " + take_error("the key is not PEM")};
  }
  protocols_ = encode_protocols(settings_.protocols);
  return {};
}

// OpenSSL calls this when the server has sent a session ticket, while data is read from the connection.
int ClientContext::keep_session(SSL* ssl, SSL_SESSION* session) {
  auto* keep = static_cast<SslSessionPointer*>(SSL_get_ex_data(ssl, place_of_kept()));
  if (keep == nullptr) return 0;
  keep->reset(session);
  return 1;  // 1 means that this side owns the session now
}

std::unique_ptr<Session> ClientContext::make_session(const std::string& host, SSL_SESSION* resume,
                                                     SslSessionPointer* keep) const {
  auto session = Session::make(*context_);
  if (!session) return nullptr;
  SSL* ssl = session->ssl();
  SSL_set_connect_state(ssl);
  const bool is_address = static_cast<bool>(IpAddress::parse(host));
  if (!is_address && !host.empty()) SSL_set_tlsext_host_name(ssl, host.c_str());
  if (settings_.verify) {
    X509_VERIFY_PARAM* rules = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    const int set = is_address ? X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str())
                               : X509_VERIFY_PARAM_set1_host(rules, host.data(), host.size());
    if (set != 1) return nullptr;
  }
  if (!protocols_.empty())
    SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(protocols_.data()),
                        static_cast<unsigned>(protocols_.size()));
  if (resume != nullptr) SSL_set_session(ssl, resume);
  SSL_set_ex_data(ssl, place_of_kept(), keep);
  return session;
}

}  // namespace portcullis::tls
