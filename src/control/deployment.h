#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/model.h"
#include "config/origin.h"
#include "control/certificate_watch.h"
#include "control/extent.h"
#include "control/fixed_settings.h"
#include "control/listener_set.h"
#include "control/snapshot.h"
#include "policy/services.h"
#include "proxy/canary.h"
#include "proxy/listener.h"
#include "proxy/snapshot.h"
#include "runtime/side_pool.h"
#include "telemetry/metrics.h"

namespace portcullis::control {

class Fleet;
class NameService;

// Holds the configuration in force and the objects made from it: engines and counters that all snapshots
// share, and the snapshot that the workers serve from. Replaces the configuration by another one, at once or
// with a canary before (deployment_canary.cpp). Control thread.
class Deployment {
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
  // Compiles the first configuration, puts it in force as the revision with this number, and follows its
  // names.
  Status begin(config::Config config, uint64_t revision);
  // Opens the addresses of the first configuration. Returns the sockets for each worker.
  Result<std::vector<proxy::ListenerSockets>> open_listeners();

  // Ends the threads of the engines. Called after the threads of the workers have ended and before the
  // workers are destroyed. Does nothing without engines.
  void stop_engines();

  // Makes a checked configuration of a reading. Nothing when there are errors. Errors and warnings are added
  // to the diagnostics of the reading.
  std::optional<config::Config> check(config::Reading& reading);
  // As check(), without the warnings, which cost more than all else when little has changed. May run on
  // another thread while no other check or change is made.
  std::optional<config::Config> check_errors(config::Reading& reading);
  // As check(), for a configuration that is not to be put in force.
  static std::optional<config::Config> try_out(config::Reading& reading);
  // Called when a revision could be served, before it is: the error for which it must not be.
  using Record = std::function<Task<Status>()>;
  // Compiles a checked configuration and puts it in force, as the revision with this number. An error when
  // may_change() has one; after any error the previous revision stays in force. The task is destroyed when
  // the gateway drains. `record` may be empty.
  Task<Status> publish(config::Config config, uint64_t revision, Record record,
                       Extent extent = Extent::kWhole);
  // Compiles the configuration in force once more, with the present files of certificates. Nothing when the
  // files have not changed since the last attempt. The task is destroyed when the gateway drains.
  Task<std::optional<Status>> publish_certificates();
  uint64_t revision() const { return snapshot_->revision; }
  // The error for which no other revision can be published now: a canary has not ended, or another change is
  // under way.
  Status may_change() const;

  // A revision that serves a share of the requests beside the one in force.
  struct Canary {
    config::Config config;
    std::shared_ptr<const proxy::Snapshot> snapshot;  // compiled from `config`
    std::shared_ptr<const proxy::CanaryChoice> choice;
  };
  // Compiles a checked configuration and gives it the share of new exchanges that `rules` name, as the
  // revision with this number. An error when may_change() has one, and when the configuration needs other
  // listeners, settings of the node, or sources of targets than the one in force.
  // `record` is as for publish().
  Task<Status> begin_canary(config::Config config, const proxy::CanaryRules& rules, uint64_t revision,
                            Record record = {});
  // From now on the canary serves the requests that these rules say. Does nothing without a canary.
  void divide_anew(const proxy::CanaryRules& rules);
  // Puts the canary in force, without compiling it again. An error when there is none or when another change
  // is under way; the canary then goes on.
  Status promote_canary();
  // Ends the canary; exchanges that it has begun end with it. Does nothing without a canary.
  void drop_canary();
  // Null when there is none.
  const Canary* canary() const { return canary_ ? &*canary_ : nullptr; }

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
  // While an object of this class exists, no other change begins.
  class Changing {
   public:
    explicit Changing(Deployment& deployment);
    Changing(const Changing&) = delete;
    Changing& operator=(const Changing&) = delete;
    ~Changing();

   private:
    Deployment& deployment_;
  };

  // `fill_table` is as for compile_snapshot().
  Result<std::shared_ptr<const proxy::Snapshot>> compile(const config::Config& config, uint64_t revision,
                                                         Extent extent = Extent::kWhole,
                                                         std::function<void()>* fill_table = nullptr);
  Task<Status> put_in_force(config::Config config, std::shared_ptr<const proxy::Snapshot> fresh,
                            Record record);
  Task<Status> record_while(std::function<void()> fill_table, Record record);
  void become(config::Config config, std::shared_ptr<const proxy::Snapshot> fresh);
  Status follow(const config::Config& config, std::shared_ptr<const proxy::Snapshot> snapshot);
  void follow_what_is_in_force();
  void tell_revisions();
  Status renew_canary();

  EventLoop& loop_;
  Fleet& fleet_;
  NameService& names_;
  ListenerSet& listeners_;
  const Surroundings surroundings_;
  CertificateWatch certificates_;
  size_t worker_count_ = 0;
  bool is_changing_ = false;        // a change of the configuration is under way
  bool certificates_wait_ = false;  // files of certificates have changed meanwhile
  FixedSettings fixed_;
  Kept kept_;
  std::unique_ptr<telemetry::Registry> metrics_;
  std::unique_ptr<policy::Services> services_;
  config::Config config_;                            // the configuration in force
  std::shared_ptr<const proxy::Snapshot> snapshot_;  // compiled from config_
  std::optional<Canary> canary_;
  std::optional<SidePool> builders_;  // started when needed
};

}  // namespace portcullis::control
