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

// A certificate that is read when it is first needed. Any thread.
class LazyCertificate {
 public:
  // `say` is told why reading has failed.
  LazyCertificate(CertificateFiles files, FileStamp stamp, std::shared_ptr<const Certificate> before, Say say)
      : files_(std::move(files)),
        stamp_(std::move(stamp)),
        say_(std::move(say)),
        before_(std::move(before)) {}

  // Reads it, if that has not been tried. Blocks.
  Result<std::shared_ptr<const Certificate>> load();
  // What there is without reading: it, or when its files have become unreadable what they held before; null
  // when there is nothing.
  std::shared_ptr<const Certificate> current() const;
  // load() has been called.
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

// All certificates of the process, so that a reload reads only what has changed. Any thread.
class Certificates {
 public:
  // `say` is told of certificates that cannot be read when they are needed; on any thread.
  explicit Certificates(Say say) : say_(std::move(say)) {}

  // The certificate in these files as they are now.
  std::shared_ptr<LazyCertificate> get(const CertificateFiles& files);
  // Until when those are good that are in use and have been read, by file.
  std::vector<std::pair<std::string, std::chrono::sys_seconds>> ends();

 private:
  const Say say_;
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<LazyCertificate>> by_files_;
  size_t until_swept_ = 64;
};

// Which certificates are for which names. Immutable once it is filled; any thread.
class CertificateNames {
 public:
  using Choice = std::vector<std::shared_ptr<LazyCertificate>>;  // of different kinds of keys

  // `name`: "api.example.com" or "*.example.com". The first one added is also for names that nobody has.
  void add(const std::string& name, const std::shared_ptr<LazyCertificate>& certificate);
  void add_default(const std::shared_ptr<LazyCertificate>& certificate);

  // For the name that a client asks for, in lower case; it may be empty. Null: none.
  const Choice* find(const std::string& name, bool or_default) const;
  bool empty() const { return default_.empty(); }

 private:
  std::unordered_map<std::string, Choice> exact_;
  std::unordered_map<std::string, Choice> wildcard_;  // by the domain above
  Choice default_;
};

// The certificates in a folder, each with the name it is for: `NAME.crt` or `NAME.pem` with `NAME.key`, or a
// folder `NAME` with `fullchain.pem` and `privkey.pem`. `_.` at a name's beginning stands for `*.`.
std::vector<std::pair<std::string, CertificateFiles>> list_certificates(const std::string& folder);

}  // namespace portcullis::tls
