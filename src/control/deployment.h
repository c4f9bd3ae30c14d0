#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/model.h"
#include "control/certificate_watch.h"
#include "control/config_service.h"
#include "control/fixed_settings.h"
#include "control/listener_set.h"
#include "control/snapshot.h"
#include "policy/services.h"
#include "proxy/listener.h"
#include "proxy/snapshot.h"
#include "telemetry/metrics.h"

namespace portcullis::control {

class Fleet;
class NameService;

// The configuration in force, and what is made from it: engines and counters that all snapshots share, and
// the snapshot that the workers serve from. Puts another configuration in its place. Control thread.
class Deployment final : public ConfigTarget {
 public:
  // What changes with a configuration elsewhere in the gateway.
  struct Surroundings {
    // Prepares the admin listener for a configuration. Gives the function that makes the change, which is
    // called when the configuration is in force; or why the configuration cannot be served.
    std::function<Result<std::function<void()>>(const config::Config&)> change_admin;
    // What becomes of the files of Unix sockets that are listened at no longer.
    std::function<ListenerSet::Files()> closed_files;
    // Files of certificates may have changed.
    std::function<void()> on_certificates;
  };

  // The references may be to objects that are not made yet: they are used from begin() on, and outlive the
  // last call, not this object.
  Deployment(EventLoop& loop, Fleet& fleet, NameService& names, ListenerSet& listeners,
             Surroundings surroundings);

  // The calls of a start, in this order. Fixes what of `config` no reload changes, and how many workers there
  // are.
  void fix_settings(const config::Config& config);
  // Opens the engines that all policies share, with their files and threads.
  Status open_engines(const config::Config& config);
  // Compiles the first configuration, which is in force then, and follows its names.
  Status begin(config::Config config);
  // Opens the addresses of the first configuration. The sockets of each worker.
  Result<std::vector<proxy::ListenerSockets>> open_listeners();

  // Ends the threads of the engines; after the threads of the workers have ended, before the workers are
  // destroyed. Without engines it does nothing.
  void stop_engines();

  std::optional<config::Config> check(config::Reading& reading) override;
  Task<Status> publish(config::Config config) override;
  Task<std::optional<Status>> publish_certificates() override;
  uint64_t version() const override { return snapshot_->version; }

  const config::Config& config() const { return config_; }
  // Null before begin().
  const std::shared_ptr<const proxy::Snapshot>& snapshot() const { return snapshot_; }
  const FixedSettings& fixed() const { return fixed_; }
  size_t workers() const { return worker_count_; }
  // From fix_settings() on.
  telemetry::Registry& metrics() { return *metrics_; }
  // From open_engines() on.
  policy::Services& services() { return *services_; }
  // What snapshots take over from each other.
  Kept& kept() { return kept_; }

 private:
  Result<std::shared_ptr<const proxy::Snapshot>> compile(const config::Config& config);
  void follow_what_is_in_force();

  EventLoop& loop_;
  Fleet& fleet_;
  NameService& names_;
  ListenerSet& listeners_;
  const Surroundings surroundings_;
  CertificateWatch certificates_;
  size_t worker_count_ = 0;
  uint64_t last_version_ = 0;  // of those compiled, good or not
  FixedSettings fixed_;
  Kept kept_;
  std::unique_ptr<telemetry::Registry> metrics_;
  std::unique_ptr<policy::Services> services_;
  config::Config config_;                            // in force
  std::shared_ptr<const proxy::Snapshot> snapshot_;  // compiled from config_
};

}  // namespace portcullis::control
