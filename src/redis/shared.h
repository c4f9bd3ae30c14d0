#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "redis/server_report.h"
#include "redis/settings.h"
#include "redis/tls_source.h"

namespace portcullis::redis {

// Events that the clients of all workers count together.
struct Counts {
  std::atomic<uint64_t> connects{0};      // connections that could be used
  std::atomic<int64_t> connections{0};    // connections that can be used now
  std::atomic<uint64_t> redirections{0};  // answers of a cluster's node that another one has the keys
  std::atomic<uint64_t> failovers{0};     // changes of the primary that sentinels name
};

// What the clients of all workers share: the settings, the files of TLS, and the state of the servers. Any
// thread.
class Shared {
 public:
  // Whether the state of the servers goes to the process log.
  enum class Reporting : uint8_t { kOn, kOff };

  explicit Shared(Settings its_settings, Reporting reporting = Reporting::kOn)
      : settings(std::move(its_settings)),
        server_tls(std::make_shared<TlsSource>(settings.server_tls)),
        sentinel_tls(std::make_shared<TlsSource>(settings.sentinels_tls)),
        reporting_(reporting) {}

  const Settings settings;
  const std::shared_ptr<TlsSource> server_tls;
  const std::shared_ptr<TlsSource> sentinel_tls;
  Counts counts;

  // The report of the server that `name` describes; null when nothing is reported.
  ServerReport* report_of(const std::string& name) {
    return reporting_ == Reporting::kOn ? &reports_.of(name) : nullptr;
  }

 private:
  const Reporting reporting_;
  ServerReports reports_;
};

}  // namespace portcullis::redis
