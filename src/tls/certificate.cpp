#include "tls/certificate.h"

#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <ctime>

#include "base/faults.h"
#include "base/read_file.h"
#include "base/text.h"

namespace portcullis::tls {
namespace {

std::chrono::sys_seconds to_seconds(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return std::chrono::sys_seconds(std::chrono::seconds(::timegm(&parts)));
}

Result<BioPointer> open_file(const std::string& path) {
  BioPointer file(BIO_new_file(path.c_str(), "r"));
  if (!file) {
    (void)take_error("");
    return Error{"cannot read `" + path + "`"};
  }
  return file;
}

// A key with a passphrase would make OpenSSL ask for the passphrase on the terminal.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

std::vector<std::string> names_of(X509* certificate) {
  std::vector<std::string> names;
  auto* alternatives =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(alternatives); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(alternatives, i);
    if (name->type != GEN_DNS) continue;
    names.push_back(to_lower({reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                              static_cast<size_t>(ASN1_STRING_length(name->d.dNSName))}));
  }
  const bool has_alternatives = alternatives != nullptr;
  GENERAL_NAMES_free(alternatives);
  if (has_alternatives) return names;
  char common[256];
  if (X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, common, sizeof common) >
      0)
    names.push_back(to_lower(common));
  return names;
}

}  // namespace

FileStamp FileStamp::of(const CertificateFiles& files) {
  FileStamp out;
  for (const std::string* path : {&files.certificate, &files.key, &files.ocsp}) {
    struct stat state {};
    One one;
    if (!path->empty() && ::stat(path->c_str(), &state) == 0)
      one = {state.st_ino, state.st_size, state.st_mtim.tv_sec, state.st_mtim.tv_nsec};
    out.files_.push_back(one);
  }
  return out;
}

Result<std::shared_ptr<const Certificate>> Certificate::load(const CertificateFiles& files) {
  std::shared_ptr<Certificate> out(new Certificate);
  const auto certificates = open_file(files.certificate);
  if (!certificates) return certificates.error();
  out->leaf_.reset(PEM_read_bio_X509_AUX(certificates->get(), nullptr, no_passphrase, nullptr));
  if (!out->leaf_)
    return Error{"no certificate in `" + files.certificate + "`: " + take_error("it is not PEM")};
  out->chain_.reset(sk_X509_new_null());
  while (X509* next = PEM_read_bio_X509(certificates->get(), nullptr, no_passphrase, nullptr))
    sk_X509_push(out->chain_.get(), next);
  (void)take_error("");  // reading to the end of the file leaves an error in the queue

  const auto key = open_file(files.key);
  if (!key) return key.error();
  out->key_.reset(PEM_read_bio_PrivateKey(key->get(), nullptr, no_passphrase, nullptr));
  if (!out->key_)
    return Error{"no private key in `" + files.key +
                 "`: " + take_error("it is not PEM, or has a passphrase")};
  if (X509_check_private_key(out->leaf_.get(), out->key_.get()) != 1) {
    (void)take_error("");
    return Error{"the key in `" + files.key + "` does not belong to the certificate in `" +
                 files.certificate + "`"};
  }
  out->names_ = names_of(out->leaf_.get());
  out->not_after_ = to_seconds(X509_get0_notAfter(out->leaf_.get()));
  if (!files.ocsp.empty()) {
    if (const Status stapled = out->staple(files.ocsp); !stapled) return stapled.error();
  }
  return std::shared_ptr<const Certificate>(std::move(out));
}

// Clients verify the response's signature. The gateway checks only that the response is for this certificate
// and has the status `good`.
Status Certificate::staple(const std::string& path) {
  ocsp_path_ = path;
  auto content = read_file(path);
  ocsp_ = content ? std::move(*content) : std::string();
  const auto* data = reinterpret_cast<const unsigned char*>(ocsp_.data());
  const std::unique_ptr<OCSP_RESPONSE, Freed<OCSP_RESPONSE, OCSP_RESPONSE_free>> response(
      d2i_OCSP_RESPONSE(nullptr, &data, static_cast<long>(ocsp_.size())));
  if (!response || OCSP_response_status(response.get()) != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
    (void)take_error("");
    return Error{"`" + path + "` is not a successful OCSP response in DER"};
  }
  const std::unique_ptr<OCSP_BASICRESP, Freed<OCSP_BASICRESP, OCSP_BASICRESP_free>> basic(
      OCSP_response_get1_basic(response.get()));
  for (int i = 0; basic && i < OCSP_resp_count(basic.get()); ++i) {
    OCSP_SINGLERESP* one = OCSP_resp_get0(basic.get(), i);
    ASN1_INTEGER* serial = nullptr;
    OCSP_id_get0_info(nullptr, nullptr, nullptr, &serial,
                      const_cast<OCSP_CERTID*>(OCSP_SINGLERESP_get0_id(one)));
    if (ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(leaf_.get())) != 0) continue;
    ASN1_GENERALIZEDTIME* until = nullptr;
    if (OCSP_single_get0_status(one, nullptr, nullptr, nullptr, &until) != V_OCSP_CERTSTATUS_GOOD)
      return Error{"the OCSP response in `" + path + "` does not have the status `good` for the certificate"};
    ocsp_until_ = until == nullptr ? std::chrono::sys_seconds::max() : to_seconds(until);
    return {};
  }
  return Error{"the OCSP response in `" + path + "` is about another certificate"};
}

std::string_view Certificate::ocsp(std::chrono::sys_seconds now) const {
  if (now < ocsp_until_) return ocsp_;
  if (!ocsp_.empty() && !ocsp_end_told_.exchange(true, std::memory_order_relaxed))
    report_fault(Fault::kCertificate, "the OCSP response in `" + ocsp_path_ +
                                          "` is out of date: it is not sent to clients any more");
  return {};
}

int Certificate::key_type() const {
  return EVP_PKEY_get_base_id(key_.get());
}

bool Certificate::use(SSL& ssl) const {
  return SSL_use_cert_and_key(&ssl, leaf_.get(), key_.get(), chain_.get(), 1) == 1;
}

std::string fault_of_permissions(const std::string& key_file) {
  struct stat state {};
  if (::stat(key_file.c_str(), &state) != 0) return "";
  if (state.st_mode & S_IWOTH)
    return "every user of this machine may change the private key `" + key_file + "`: chmod o-w";
  if (state.st_mode & S_IROTH)
    return "every user of this machine may read the private key `" + key_file + "`: chmod 600";
  return "";
}

std::string parent_domain(std::string_view name) {
  const size_t dot = name.find('.');
  return dot == std::string_view::npos ? "" : std::string(name.substr(dot + 1));
}

}  // namespace portcullis::tls
