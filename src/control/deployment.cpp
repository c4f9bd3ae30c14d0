#include "control/deployment.h"

#include <system_error>
#include <utility>

#include "base/faults.h"
#include "control/fleet.h"
#include "control/load_config.h"
#include "control/name_service.h"
#include "control/say.h"
#include "limits/quota_store.h"
#include "policy/cache/shared_store.h"
#include "policy/counters.h"
#include "policy/quota/book.h"
#include "policy/rate_limit/cluster.h"
#include "runtime/processors.h"

namespace portcullis::control {

Deployment::Deployment(EventLoop& loop, Fleet& fleet, NameService& names, ListenerSet& listeners,
                       Surroundings surroundings)
    : loop_(loop),
      fleet_(fleet),
      names_(names),
      listeners_(listeners),
      surroundings_(std::move(surroundings)),
      certificates_(loop, surroundings_.on_certificates),
      kept_{TlsState(told_as(Fault::kCertificate))} {}

void Deployment::fix_settings(const config::Config& config) {
  worker_count_ = config.workers != 0 ? config.workers : default_workers();
  fixed_ = FixedSettings::of(config);
  metrics_ = std::make_unique<telemetry::Registry>(worker_count_);
}

Status Deployment::open_engines(const config::Config& config) {
  policy::quota::Book::Settings quotas{.interval = config.quotas.interval};
  policy::cache_policy::SharedStore::Settings stored{.bytes = fixed_.cache_bytes};
  if (!config.quotas.file.empty()) {
    auto opened = limits::open_sqlite_store(config.quotas.file);
    if (!opened) return opened.error();
    quotas.store = std::move(*opened);
  } else if (config.quotas.redis) {
    quotas.store = limits::make_redis_store(fixed_.redis);
  }
  if (!fixed_.cache_disk.path.empty()) {
    auto opened = cache::Disk::open(fixed_.cache_disk, told_as(Fault::kCacheDisk));
    if (!opened) return opened.error();
    stored.disk = std::move(*opened);
  }
  services_ = std::make_unique<policy::Services>(worker_count_, loop_, metrics_->of_policies());
  services_->get<policy::Counters>({.bytes = fixed_.counter_bytes});
  services_->get<policy::cache_policy::SharedStore>(std::move(stored));
  services_->get<policy::rate_limit::Cluster>(fixed_.redis);
  // The engine is started now, so that no counts are lost when a reload could not start its thread.
  if (quotas.store) services_->get<policy::quota::Book>(std::move(quotas));
  return {};
}

Status Deployment::begin(config::Config config) {
  auto compiled = compile(config);
  if (!compiled) return compiled.error();
  snapshot_ = std::move(*compiled);
  config_ = std::move(config);
  certificates_.follow(config_);
  return names_.follow(config_, snapshot_, *metrics_);
}

Result<std::vector<proxy::ListenerSockets>> Deployment::open_listeners() {
  return listeners_.update(snapshot_->listeners, worker_count_);
}

void Deployment::stop_engines() {
  if (services_) services_->stop();
}

Result<std::shared_ptr<const proxy::Snapshot>> Deployment::compile(const config::Config& config) {
  if (config.workers != 0 && config.workers != worker_count_)
    say(Level::kWarning,
        "the number of workers is not changed by a reload: it changes with a restart or an upgrade");
  for (const std::string& difference : fixed_.differences(FixedSettings::of(config)))
    say(Level::kWarning, difference);
  try {
    auto compiled = compile_snapshot(config, ++last_version_, *metrics_, *services_, kept_);
    services_->settle();
    if (!compiled) return compiled.error();
    return fleet_.keep(std::move(*compiled));
  } catch (const std::system_error& problem) {  // thrown when a thread cannot be started
    return Error{problem.what()};
  }
}

std::optional<config::Config> Deployment::check(config::Reading& reading) {
  return load_config(reading, kept_.tls);
}

Task<Status> Deployment::publish(config::Config config) {
  const auto compiled = compile(config);
  if (!compiled) co_return compiled.error();
  const std::shared_ptr<const proxy::Snapshot>& fresh = *compiled;
  const auto change_admin = surroundings_.change_admin(config);
  if (!change_admin) co_return change_admin.error();
  if (const Status followed = names_.follow(config, fresh, *metrics_); !followed) {
    follow_what_is_in_force();
    co_return followed;
  }
  Task<void> settling = names_.settle();
  co_await settling;
  auto sockets = listeners_.update(fresh->listeners, worker_count_, surroundings_.closed_files());
  if (!sockets) {
    follow_what_is_in_force();
    co_return sockets.error();
  }
  fleet_.publish(fresh, std::move(*sockets));
  snapshot_ = fresh;
  config_ = std::move(config);
  metrics_->set_config_version(snapshot_->version);
  set_process_log(config_.process_log);
  (*change_admin)();
  certificates_.follow(config_);
  co_return Status();
}

// Follows the names of the configuration in force again, after another configuration has failed.
void Deployment::follow_what_is_in_force() {
  (void)names_.follow(config_, snapshot_, *metrics_);
}

Task<std::optional<Status>> Deployment::publish_certificates() {
  std::optional<Status> outcome;
  if (!certificates_.take_change(config_)) co_return outcome;
  config::Diagnostics diagnostics;
  check_tls(config_, kept_.tls, diagnostics);
  print_diagnostics(diagnostics);
  if (diagnostics.has_errors()) {
    outcome = Status(Error{"the log has their errors"});
    co_return outcome;
  }
  config::Config same = config_;
  Task<Status> publishing = publish(std::move(same));
  outcome = co_await publishing;
  co_return outcome;
}

}  // namespace portcullis::control
