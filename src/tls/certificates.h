#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/say.h"
#include "tls/certificate.h"

namespace portcullis::tls {

// A certificate whose files are read when it is first needed. Any thread.
class LazyCertificate {
 public:
  // `say` receives the reason when reading fails. `before` is the certificate to use in that case; it may be
  // null.
  LazyCertificate(CertificateFiles files, FileStamp stamp, std::shared_ptr<const Certificate> before, Say say)
      : files_(std::move(files)),
        stamp_(std::move(stamp)),
        say_(std::move(say)),
        before_(std::move(before)) {}

  // Reads the files, unless that has been tried already. Blocks.
  Result<std::shared_ptr<const Certificate>> load();
  // The certificate as far as it is known without reading files: the certificate itself, or the previous one
  // when the files could not be read; null when there is neither.
  std::shared_ptr<const Certificate> current() const;
  // True once load() has been called.
  bool tried() const;

  const FileStamp& stamp() const { return stamp_; }

 private:
  const CertificateFiles files_;
  const FileStamp stamp_;
  const Say say_;
  mutable std::mutex mutex_;
  bool tried_ = false;
  std::string fault_;
  std::shared_ptr<const Certificate> certificate_;
  std::shared_ptr<const Certificate> before_;
};

// All certificates of the process, shared by successive configurations, so that a reload reads only changed
// files. Any thread.
class Certificates {
 public:
  // `say` is called, on any thread, when a certificate cannot be read at the time it is needed.
  explicit Certificates(Say say) : say_(std::move(say)) {}

  // The certificate in these files in their current version.
  std::shared_ptr<LazyCertificate> get(const CertificateFiles& files);
  // The file and the expiry time of every certificate that is in use and has been read.
  std::vector<std::pair<std::string, std::chrono::sys_seconds>> ends();

 private:
  const Say say_;
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<LazyCertificate>> by_files_;
  size_t until_swept_ = 64;
};

// Maps server names to certificates. Immutable once filled; any thread.
class CertificateNames {
 public:
  using Choice = std::vector<std::shared_ptr<LazyCertificate>>;  // certificates with different kinds of keys

  // Adds a certificate for `name`: "api.example.com" or "*.example.com". The first certificate added is also
  // the default for unknown names.
  void add(const std::string& name, const std::shared_ptr<LazyCertificate>& certificate);
  void add_default(const std::shared_ptr<LazyCertificate>& certificate);

  // The certificates for the server name (lower case, may be empty) that a client asks for; null when there
  // are none.
  const Choice* find(const std::string& name, bool or_default) const;
  bool empty() const { return default_.empty(); }

 private:
  std::unordered_map<std::string, Choice> exact_;
  std::unordered_map<std::string, Choice> wildcard_;  // the key is the parent domain
  Choice default_;
};

// Lists the certificates in a folder, each with its server name: `NAME.crt` or `NAME.pem` with `NAME.key`, or
// a folder `NAME` with `fullchain.pem` and `privkey.pem`. A leading `_.` in NAME stands for `*.`.
std::vector<std::pair<std::string, CertificateFiles>> list_certificates(const std::string& folder);

}  // namespace portcullis::tls
