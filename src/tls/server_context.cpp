#include "tls/server_context.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/read_file.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "base/wall_clock.h"
#include "crypto/digest.h"
#include "tls/peer_certificate.h"

namespace portcullis::tls {
namespace {

// The content of a file; empty when the file cannot be read, which the caller has already checked and
// reported.
std::string content_of(const std::string& path) {
  auto content = read_file(path);
  return content ? std::move(*content) : std::string();
}

// The server name in the ClientHello (RFC 6066 section 3); empty when there is none. The extension is parsed
// here, because OpenSSL has not parsed it yet at this point.
std::string_view requested_name(SSL* ssl) {
  const unsigned char* data = nullptr;
  size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size) != 1) return {};
  const std::string_view list(reinterpret_cast<const char*>(data), size);
  const auto number = [&list](size_t at) {
    return size_t{static_cast<uint8_t>(list[at])} << 8 | static_cast<uint8_t>(list[at + 1]);
  };
  constexpr size_t kHead = 5;  // bytes: list length (2), name type (1; 0 is a host name), name length (2)
  if (list.size() <= kHead || list[2] != 0 || kHead + number(3) > list.size()) return {};
  return list.substr(kHead, number(3));
}

}  // namespace

bool kernel_speaks_tls() {
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  // The socket is not connected, so a kernel with TLS support fails with ENOTCONN.
  return ::setsockopt(socket.get(), IPPROTO_TCP, TCP_ULP, "tls", sizeof "tls") == 0 || errno == ENOTCONN;
}

Result<std::shared_ptr<const ServerContext>> ServerContext::make(const ServerSettings& settings,
                                                                 CertificateNames names) {
  if (names.empty()) return Error{"there is no certificate to show"};
  std::shared_ptr<ServerContext> out(new ServerContext(settings, std::move(names)));
  if (const Status prepared = out->prepare(); !prepared) return prepared.error();
  return std::shared_ptr<const ServerContext>(std::move(out));
}

std::unique_ptr<Session> ServerContext::make_session() const {
  auto session = Session::make(*context_);
  if (session) SSL_set_accept_state(session->ssl());
  return session;
}

Status ServerContext::prepare() {
  context_.reset(SSL_CTX_new(TLS_server_method()));
  if (!context_) return Error{take_error("OpenSSL has no memory")};
  SSL_CTX* context = context_.get();
  if (Status set = set_common_options(*context, settings_.min_version, settings_.ciphers, settings_.groups);
      !set)
    return set;
  // Disables features that cost a server much more than a client, or that leak information.
  SSL_CTX_set_options(context,
                      SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_session_cache_mode(context,
                                 SSL_SESS_CACHE_OFF);  // session tickets only: clients store the sessions
  if (settings_.tickets) {
    TicketKeys::install(*context, settings_.tickets);
  } else {
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context, 0);
  }
  if (settings_.kernel) {
    SSL_CTX_set_options(context, SSL_OP_ENABLE_KTLS);
  }
  if (settings_.kernel || asks_by_name()) SSL_CTX_set_client_hello_cb(context, receive_hello, this);
  SSL_CTX_set_cert_cb(context, choose_certificate, this);
  if (settings_.refuse_unknown_names) {
    SSL_CTX_set_tlsext_servername_callback(context, check_name);
    SSL_CTX_set_tlsext_servername_arg(context, this);
  }
  SSL_CTX_set_tlsext_status_cb(context, staple);
  SSL_CTX_set_tlsext_status_arg(context, this);
  protocols_ = encode_protocols(settings_.protocols);
  if (!protocols_.empty()) SSL_CTX_set_alpn_select_cb(context, choose_protocol, this);
  if (settings_.client_certificate != ClientCertificate::kNone) {
    SSL_CTX_set_session_ticket_cb(context, nullptr, open_ticket, nullptr);
    if (Status set = verify_clients(); !set) return set;
  }
  // A session may be resumed only at the listener that created it, and only while the rules for client
  // certificates are unchanged: a session from before a revocation must not be resumed after the revocation.
  const crypto::Digest256 rules =
      crypto::sha256(settings_.name + '\0' + std::to_string(static_cast<int>(settings_.client_certificate)) +
                     '\0' + content_of(settings_.client_ca) + '\0' + content_of(settings_.client_crl));
  SSL_CTX_set_session_id_context(context, rules.data(),
                                 std::min<unsigned>(rules.size(), SSL_MAX_SID_CTX_LENGTH));
  unasked_ = crypto::sha256(std::string(crypto::text_of(rules)) + "unasked");
  return {};
}

Status ServerContext::verify_clients() {
  SSL_CTX* context = context_.get();
  STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(settings_.client_ca.c_str());
  if (names == nullptr || SSL_CTX_load_verify_file(context, settings_.client_ca.c_str()) != 1) {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    return Error{"no certificates in `" + settings_.client_ca + "`: " + take_error("it is not PEM")};
  }
  SSL_CTX_set_client_CA_list(context, names);
  if (!settings_.client_crl.empty()) {
    const BioPointer file(BIO_new_file(settings_.client_crl.c_str(), "r"));
    X509_STORE* store = SSL_CTX_get_cert_store(context);
    size_t lists = 0;
    while (X509_CRL* list = file ? PEM_read_bio_X509_CRL(file.get(), nullptr, nullptr, nullptr) : nullptr) {
      X509_STORE_add_crl(store, list);
      X509_CRL_free(list);
      ++lists;
    }
    ERR_clear_error();
    if (lists == 0) return Error{"no revocation list in `" + settings_.client_crl + "`"};
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
  }
  SSL_CTX_set_verify(context,
                     settings_.client_certificate == ClientCertificate::kRequired
                         ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
                         : SSL_VERIFY_PEER,
                     nullptr);
  SSL_CTX_set_verify_depth(context, 8);
  return {};
}

// RFC 6066 section 3: an unknown server name is refused with the alert unrecognized_name.
int ServerContext::check_name(SSL* ssl, int* alert, void* argument) {
  const auto& self = *static_cast<const ServerContext*>(argument);
  const char* asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (self.names_.find(asked == nullptr ? "" : to_lower(asked), false) != nullptr) return SSL_TLSEXT_ERR_OK;
  *alert = SSL_AD_UNRECOGNIZED_NAME;
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

int ServerContext::choose_certificate(SSL* ssl, void* argument) {
  const auto& self = *static_cast<const ServerContext*>(argument);
  const char* asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  const CertificateNames::Choice* choice =
      self.names_.find(asked == nullptr ? "" : to_lower(asked), !self.settings_.refuse_unknown_names);
  if (choice == nullptr) return 0;
  bool shown = false;
  for (const auto& one : *choice) {
    const auto certificate = one->current();
    if (!certificate && !one->tried()) {
      Session::of(*ssl).want(one);
      return -1;  // the handshake continues when the certificate has been read
    }
    if (certificate) shown |= certificate->use(*ssl);
  }
  return shown ? 1 : 0;
}

// Makes the decisions that must precede the resumption of a session. A session that began without a request
// for a client certificate is not resumed for a server name that requires one.
int ServerContext::receive_hello(SSL* ssl, int*, void* argument) {
  const auto& self = *static_cast<const ServerContext*>(argument);
  if (self.settings_.kernel) Session::of(*ssl).offer_to_kernel();
  if (self.asks_by_name() && !self.asks_for(to_lower(requested_name(ssl)))) {
    SSL_set_verify(ssl, SSL_VERIFY_NONE, nullptr);
    SSL_set_session_id_context(ssl, self.unasked_.data(),
                               std::min<unsigned>(self.unasked_.size(), SSL_MAX_SID_CTX_LENGTH));
  }
  return SSL_CLIENT_HELLO_SUCCESS;
}

// A ticket states that the client's certificate was valid when the session began. When that certificate has
// expired, the handshake continues without the session and verifies the certificate that the client presents
// now.
int ServerContext::open_ticket(SSL*, SSL_SESSION* session, const unsigned char*, size_t,
                               SSL_TICKET_STATUS status, void*) {
  const bool opened = status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW;
  const X509* certificate = opened && session != nullptr ? SSL_SESSION_get0_peer(session) : nullptr;
  if (certificate != nullptr && !is_valid_now(*certificate)) return SSL_TICKET_RETURN_IGNORE_RENEW;
  switch (status) {
    case SSL_TICKET_EMPTY:
    case SSL_TICKET_NO_DECRYPT: return SSL_TICKET_RETURN_IGNORE_RENEW;
    case SSL_TICKET_SUCCESS: return SSL_TICKET_RETURN_USE;
    case SSL_TICKET_SUCCESS_RENEW: return SSL_TICKET_RETURN_USE_RENEW;
    default: return SSL_TICKET_RETURN_ABORT;
  }
}

int ServerContext::staple(SSL* ssl, void* argument) {
  const auto& self = *static_cast<const ServerContext*>(argument);
  const char* asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  const auto* choice = self.names_.find(asked == nullptr ? "" : to_lower(asked), true);
  const EVP_PKEY* key = SSL_get_privatekey(ssl);
  for (size_t i = 0; choice != nullptr && key != nullptr && i < choice->size(); ++i) {
    const auto certificate = (*choice)[i]->current();
    if (!certificate || certificate->key_type() != EVP_PKEY_get_base_id(key)) continue;
    const std::string_view response = certificate->ocsp(current_second());
    auto* copy = response.empty() ? nullptr : OPENSSL_memdup(response.data(), response.size());
    if (copy == nullptr) break;
    SSL_set_tlsext_status_ocsp_resp(ssl, copy,
                                    static_cast<long>(response.size()));  // `ssl` owns `copy` from here on
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_NOACK;
}

// RFC 7301 section 3.2: a client that offers only unsupported protocols is refused with an alert.
int ServerContext::choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size,
                                   const unsigned char* offered, unsigned offered_size, void* argument) {
  const auto& self = *static_cast<const ServerContext*>(argument);
  unsigned char* chosen = nullptr;
  const int result =
      SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(self.protocols_.data()),
                            static_cast<unsigned>(self.protocols_.size()), offered, offered_size);
  *out = chosen;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace portcullis::tls
