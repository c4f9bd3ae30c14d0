#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "config/model.h"
#include "runtime/file_watch.h"

namespace portcullis::control {

// Tells when files of certificates, and others that TLS is made of, may have changed: they are renewed
// without a change of the configuration. Control thread.
class CertificateWatch {
 public:
  CertificateWatch(EventLoop& loop, std::function<void()> on_change)
      : loop_(loop), on_change_(std::move(on_change)) {}

  // From now on the files of `config`, whose present state is the known one.
  void follow(const config::Config& config);
  // True when the files of `config` are in another state than the known one; this state is the known one from
  // now on.
  bool take_change(const config::Config& config);

 private:
  EventLoop& loop_;
  std::function<void()> on_change_;
  std::string known_;
  std::unique_ptr<FileWatch> watch_;  // null while no configuration had such files
};

}  // namespace portcullis::control
