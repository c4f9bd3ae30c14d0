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

// Where a certificate is read from: PEM files.
struct CertificateFiles {
  std::string certificate;  // with the chain behind it
  std::string key;
  std::string ocsp;  // a response in DER, to be stapled; may be empty

  bool operator==(const CertificateFiles&) const = default;
};

// Tells whether files have changed: by what the kernel says of them.
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

// A certificate with its key and chain. Immutable; any thread.
class Certificate {
 public:
  // Reads and checks: the key is the certificate's, and what is stapled is about it.
  static Result<std::shared_ptr<const Certificate>> load(const CertificateFiles& files);

  // Makes `ssl` show it. False when OpenSSL refuses.
  bool use(SSL& ssl) const;

  // Lower case, from the subject's alternative names; the common name where there are none (RFC 6125).
  const std::vector<std::string>& names() const { return names_; }
  std::chrono::sys_seconds not_after() const { return not_after_; }
  // Of the response to be stapled; empty when there is none, or it is out of date, which is told once.
  std::string_view ocsp(std::chrono::sys_seconds now) const;
  int key_type() const;  // an EVP_PKEY_ number

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

// What is wrong with who may read or change a private key's file; empty when nothing is.
std::string fault_of_permissions(const std::string& key_file);

// Names of certificates are matched by these rules (RFC 6125 section 6.4): "*.example.com" is for one label.
std::string parent_domain(std::string_view name);

}  // namespace portcullis::tls
