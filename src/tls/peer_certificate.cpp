#include "tls/peer_certificate.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <ctime>

#include "base/wall_clock.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"

namespace portcullis::tls {
namespace {

std::string text_of(const X509_NAME* name) {
  const BioPointer out(BIO_new(BIO_s_mem()));
  if (!out || X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) < 0) return "";
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return {data, static_cast<size_t>(size)};
}

std::string serial_of(const X509* certificate) {
  const std::unique_ptr<BIGNUM, Freed<BIGNUM, BN_free>> number(
      ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  char* text = number ? BN_bn2hex(number.get()) : nullptr;
  std::string out = text == nullptr ? "" : text;
  OPENSSL_free(text);
  return out;
}

// A time that cannot be read becomes a time far in the past, so the certificate counts as expired.
std::chrono::sys_seconds moment_of(const ASN1_TIME* time) {
  tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? std::chrono::sys_seconds(std::chrono::seconds(timegm(&parts)))
                                            : std::chrono::sys_seconds::min();
}

}  // namespace

bool is_valid_now(const X509& certificate) {
  const std::chrono::sys_seconds now = current_second();
  return moment_of(X509_get0_notBefore(&certificate)) <= now &&
         now < moment_of(X509_get0_notAfter(&certificate));
}

std::shared_ptr<const PeerCertificate> PeerCertificate::of(const SSL& ssl) {
  const X509* certificate = SSL_get0_peer_certificate(&ssl);
  if (certificate == nullptr || SSL_get_verify_result(&ssl) != X509_V_OK) return nullptr;
  return of(*certificate);
}

std::shared_ptr<const PeerCertificate> PeerCertificate::of(const X509& verified) {
  const X509* certificate = &verified;
  auto out = std::make_shared<PeerCertificate>();
  out->subject = text_of(X509_get_subject_name(certificate));
  out->issuer = text_of(X509_get_issuer_name(certificate));
  out->serial = serial_of(certificate);
  out->not_after = moment_of(X509_get0_notAfter(certificate));
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  if (size > 0) out->encoded.assign(reinterpret_cast<const char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  const crypto::Digest256 digest = crypto::sha256(out->encoded);
  out->fingerprint = crypto::hex_encode(crypto::text_of(digest));
  auto* names =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type != GEN_DNS && name->type != GEN_URI && name->type != GEN_EMAIL) continue;
    const std::string text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.ia5)),
                           static_cast<size_t>(ASN1_STRING_length(name->d.ia5)));
    (name->type == GEN_DNS   ? out->dns_names
     : name->type == GEN_URI ? out->uris
                             : out->emails)
        .push_back(text);
  }
  GENERAL_NAMES_free(names);
  return out;
}

}  // namespace portcullis::tls
