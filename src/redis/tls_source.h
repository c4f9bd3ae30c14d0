#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/result.h"
#include "redis/settings.h"
#include "tls/client_context.h"

namespace portcullis::redis {

// The TLS context of new connections. The files of the settings are read again when they have changed, so new
// connections use a renewed certificate. Any thread.
class TlsSource {
 public:
  explicit TlsSource(std::optional<Tls> settings) : settings_(std::move(settings)) {}

  // False when the servers are reached without TLS.
  bool enabled() const { return settings_.has_value(); }
  const Tls& settings() const { return *settings_; }
  // The context for the present files. Reads files, so it blocks: for a side thread.
  Result<std::shared_ptr<const tls::ClientContext>> get();

 private:
  std::string fingerprint() const;

  const std::optional<Tls> settings_;
  std::mutex mutex_;  // guards the members below
  std::string read_from_;
  std::shared_ptr<const tls::ClientContext> context_;
};

}  // namespace portcullis::redis
