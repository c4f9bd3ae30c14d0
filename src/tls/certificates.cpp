#include "tls/certificates.h"

#include <algorithm>
#include <filesystem>

#include "base/faults.h"
#include "base/text.h"

namespace portcullis::tls {

Result<std::shared_ptr<const Certificate>> LazyCertificate::load() {
  {
    const std::lock_guard lock(mutex_);
    if (certificate_) return certificate_;
    if (tried_) return Error{fault_};
  }
  // Two threads may read the certificate at the same time; current() and tried() do not have to wait for the
  // disk.
  auto loaded = Certificate::load(files_);
  const std::lock_guard lock(mutex_);
  tried_ = true;
  if (loaded) {
    certificate_ = *loaded;
    before_ = nullptr;
  } else {
    fault_ = loaded.error().message;
    count_fault(Fault::kCertificate);
    say_(Level::kWarning, before_ ? fault_ + "; the previous certificate is used" : fault_);
  }
  return loaded;
}

std::shared_ptr<const Certificate> LazyCertificate::current() const {
  const std::lock_guard lock(mutex_);
  return certificate_ ? certificate_ : tried_ ? before_ : nullptr;
}

bool LazyCertificate::tried() const {
  const std::lock_guard lock(mutex_);
  return tried_;
}

std::shared_ptr<LazyCertificate> Certificates::get(const CertificateFiles& files) {
  const std::string key = files.certificate + '\n' + files.key + '\n' + files.ocsp;
  FileStamp stamp = FileStamp::of(files);
  const std::lock_guard lock(mutex_);
  std::weak_ptr<LazyCertificate>& place = by_files_[key];
  std::shared_ptr<LazyCertificate> known = place.lock();
  if (known && known->stamp() == stamp) return known;
  auto fresh =
      std::make_shared<LazyCertificate>(files, std::move(stamp), known ? known->current() : nullptr, say_);
  place = fresh;
  if (by_files_.size() >= until_swept_) {
    std::erase_if(by_files_, [](const auto& one) { return one.second.expired(); });
    until_swept_ = std::max<size_t>(64, by_files_.size() * 2);
  }
  return fresh;
}

std::vector<std::pair<std::string, std::chrono::sys_seconds>> Certificates::ends() {
  std::vector<std::pair<std::string, std::chrono::sys_seconds>> out;
  const std::lock_guard lock(mutex_);
  for (const auto& [key, place] : by_files_) {
    const std::shared_ptr<LazyCertificate> entry = place.lock();
    const auto certificate = entry ? entry->current() : nullptr;
    if (certificate) out.emplace_back(key.substr(0, key.find('\n')), certificate->not_after());
  }
  return out;
}

void CertificateNames::add_default(const std::shared_ptr<LazyCertificate>& certificate) {
  default_.push_back(certificate);
}

void CertificateNames::add(const std::string& name, const std::shared_ptr<LazyCertificate>& certificate) {
  Choice& choice = name.starts_with("*.") ? wildcard_[name.substr(2)] : exact_[name];
  if (std::find(choice.begin(), choice.end(), certificate) == choice.end()) choice.push_back(certificate);
}

const CertificateNames::Choice* CertificateNames::find(const std::string& name, bool or_default) const {
  if (const auto exact = exact_.find(name); exact != exact_.end()) return &exact->second;
  if (const auto wide = wildcard_.find(parent_domain(name)); wide != wildcard_.end() && !name.empty())
    return &wide->second;
  // Clients that ask for no name always get the default certificate, because they may have connected to an IP
  // address.
  return (or_default || name.empty()) && !default_.empty() ? &default_ : nullptr;
}

std::vector<std::pair<std::string, CertificateFiles>> list_certificates(const std::string& folder) {
  namespace fs = std::filesystem;
  std::vector<std::pair<std::string, CertificateFiles>> out;
  std::error_code ignored;
  const auto exists = [&](const fs::path& path) { return fs::is_regular_file(path, ignored); };
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    const fs::path& path = entry.path();
    CertificateFiles files;
    std::string name;
    if (entry.is_directory(ignored)) {
      name = path.filename().string();
      files = {path / "fullchain.pem", path / "privkey.pem", ""};
    } else if (path.extension() == ".crt" || path.extension() == ".pem") {
      name = path.stem().string();
      files = {path, fs::path(path).replace_extension(".key"), ""};
    }
    if (name.empty() || !exists(files.certificate) || !exists(files.key)) continue;
    if (const fs::path ocsp = fs::path(files.certificate).replace_extension(".ocsp"); exists(ocsp))
      files.ocsp = ocsp;
    name = to_lower(name);
    if (name.starts_with("_.")) name[0] = '*';
    out.emplace_back(std::move(name), std::move(files));
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return out;
}

}  // namespace portcullis::tls
