#include "control/certificate_watch.h"

#include <vector>

#include "control/tls_setup.h"

namespace portcullis::control {

void CertificateWatch::follow(const config::Config& config) {
  const std::vector<std::string> files = tls_files(config);
  known_ = tls_fingerprint(files);
  if (!watch_ && !files.empty()) watch_ = std::make_unique<FileWatch>(loop_, on_change_);
  if (watch_) watch_->set_files(files);
}

bool CertificateWatch::take_change(const config::Config& config) {
  std::string now = tls_fingerprint(tls_files(config));
  if (now == known_) return false;
  known_ = std::move(now);
  return true;
}

}  // namespace portcullis::control
