#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "config/model.h"
#include "runtime/file_watch.h"

namespace portcullis::control {

// Reports when files of certificates, or other files for TLS, may have changed. Such files are renewed
// without a change of the configuration. Control thread.
class CertificateWatch {
 public:
  CertificateWatch(EventLoop& loop, std::function<void()> on_change)
      : loop_(loop), on_change_(std::move(on_change)) {}

  // Watches the files of `config` from now on. Their present state becomes the known state.
  void follow(const config::Config& config);
  // True when the state of the files of `config` differs from the known state. The present state becomes the
  // known state.
  bool take_change(const config::Config& config);

 private:
  EventLoop& loop_;
  std::function<void()> on_change_;
  std::string known_;
  std::unique_ptr<FileWatch> watch_;  // null until a configuration has such files
};

}  // namespace portcullis::control
