#include "redis/tls_source.h"

#include <sys/stat.h>

namespace portcullis::redis {

// The state of the files, which differs when any of them has changed.
std::string TlsSource::fingerprint() const {
  std::string out;
  for (const std::string& file : {settings_->ca, settings_->cert, settings_->key}) {
    struct stat state {};
    if (file.empty() || ::stat(file.c_str(), &state) != 0) {
      out += "-\n";
      continue;
    }
    out += std::to_string(state.st_ino) + " " + std::to_string(state.st_size) + " " +
           std::to_string(state.st_mtim.tv_sec) + "." + std::to_string(state.st_mtim.tv_nsec) + "\n";
  }
  return out;
}

Result<std::shared_ptr<const tls::ClientContext>> TlsSource::get() {
  const std::lock_guard lock(mutex_);
  std::string now = fingerprint();
  if (context_ && now == read_from_) return context_;
  tls::ClientSettings settings{*settings_};
  settings.ca = settings_->ca;
  settings.certificate = settings_->cert;
  settings.key = settings_->key;
  auto made = tls::ClientContext::make(settings);
  if (!made) return made.error();
  context_ = *made;
  read_from_ = std::move(now);
  return context_;
}

}  // namespace portcullis::redis
