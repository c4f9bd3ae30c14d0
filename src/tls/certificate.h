#pragma once

#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tls/openssl.h"

namespace portcullis::tls {

// The PEM files of a certificate.
struct CertificateFiles {
  std::string certificate;  // the certificate, followed by its chain
  std::string key;
  std::string ocsp;  // a DER-encoded OCSP response for stapling; may be empty

  bool operator==(const CertificateFiles&) const = default;
};

// Detects changes of files from their metadata, such as inode, size and modification time.
class FileStamp {
 public:
  static FileStamp of(const CertificateFiles& files);
  bool operator==(const FileStamp&) const = default;

 private:
  struct One {
    uint64_t inode = 0;
    int64_t size = -1;
    int64_t seconds = 0;
    int64_t nanoseconds = 0;
    bool operator==(const One&) const = default;
  };
  std::vector<One> files_;
};

// A certificate with its key and its chain. Immutable; any thread.
class Certificate {
 public:
  // Reads the files, and checks that the key belongs to the certificate and that the OCSP response is for the
  // certificate.
  static Result<std::shared_ptr<const Certificate>> load(const CertificateFiles& files);

  // Makes `ssl` present this certificate. False when OpenSSL refuses it.
  bool use(SSL& ssl) const;

  // The names in lower case, from the subject's alternative names, or else the common name (RFC 6125).
  const std::vector<std::string>& names() const { return names_; }
  std::chrono::sys_seconds not_after() const { return not_after_; }
  // The OCSP response for stapling. Empty when there is none or it has expired; expiry is logged once.
  std::string_view ocsp(std::chrono::sys_seconds now) const;
  int key_type() const;  // an EVP_PKEY_ constant

 private:
  Certificate() = default;
  Status staple(const std::string& path);

  X509Pointer leaf_;
  KeyPointer key_;
  ChainPointer chain_;
  std::vector<std::string> names_;
  std::chrono::sys_seconds not_after_{};
  std::string ocsp_;
  std::string ocsp_path_;
  std::chrono::sys_seconds ocsp_until_{};
  mutable std::atomic<bool> ocsp_end_told_{false};
};

// Describes file permissions that let other users read or change the private key; empty when there are none.
std::string fault_of_permissions(const std::string& key_file);

// The name without its first label, for matching wildcard names (RFC 6125 section 6.4): "*.example.com"
// matches a single label.
std::string parent_domain(std::string_view name);

}  // namespace portcullis::tls
