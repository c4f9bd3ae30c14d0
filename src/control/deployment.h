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

// Holds the configuration in force and the objects made from it: engines and counters that all snapshots
// share, and the snapshot that the workers serve from. Replaces the configuration by another one. Control
// thread.
class Deployment final : public ConfigTarget {
 public:
  // Calls to other parts of the gateway that depend on the configuration.
  struct Surroundings {
    // Prepares the admin listener for a configuration. Returns the function that makes the change, which is
    // called when the configuration is in force, or the error for which the configuration cannot be served.
    std::function<Result<std::function<void()>>(const config::Config&)> change_admin;
    // Whether the files of Unix sockets that are closed are removed or left to a successor.
    std::function<ListenerSet::Files()> closed_files;
    // Called when files of certificates may have changed.
    std::function<void()> on_certificates;
  };

  // The referenced objects may be constructed after this one: they are used from begin() on. They must live
  // until the last call, not until the end of this object.
  Deployment(EventLoop& loop, Fleet& fleet, NameService& names, ListenerSet& listeners,
             Surroundings surroundings);

  // The next four functions are called at the start, in this order. fix_settings() stores the settings that
  // no reload changes, and the number of workers.
  void fix_settings(const config::Config& config);
  // Starts the engines of the policies that start with the process.
  Status start_engines(const config::Config& config);
  // Compiles the first configuration, puts it in force, and follows its names.
  Status begin(config::Config config);
  // Opens the addresses of the first configuration. Returns the sockets for each worker.
  Result<std::vector<proxy::ListenerSockets>> open_listeners();

  // Ends the threads of the engines. Called after the threads of the workers have ended and before the
  // workers are destroyed. Does nothing without engines.
  void stop_engines();

  std::optional<config::Config> check(config::Reading& reading) override;
  Task<Status> publish(config::Config config) override;
  Task<std::optional<Status>> publish_certificates() override;
  uint64_t version() const override { return snapshot_->version; }

  const config::Config& config() const { return config_; }
  // The snapshot in force; null before begin().
  const std::shared_ptr<const proxy::Snapshot>& snapshot() const { return snapshot_; }
  const FixedSettings& fixed() const { return fixed_; }
  size_t workers() const { return worker_count_; }
  // May be called after fix_settings().
  telemetry::Registry& metrics() { return *metrics_; }
  // May be called after start_engines().
  policy::Services& services() { return *services_; }
  // State that each snapshot takes over from the one before.
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
  // The latest number given to a compiled configuration, whether compiling succeeded or not.
  uint64_t last_version_ = 0;
  FixedSettings fixed_;
  Kept kept_;
  std::unique_ptr<telemetry::Registry> metrics_;
  std::unique_ptr<policy::Services> services_;
  config::Config config_;                            // the configuration in force
  std::shared_ptr<const proxy::Snapshot> snapshot_;  // compiled from config_
};

}  // namespace portcullis::control
