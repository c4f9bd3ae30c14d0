#include "control/deployment.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/faults.h"
#include "control/fleet.h"
#include "control/load_config.h"
#include "control/name_service.h"
#include "control/say.h"
#include "policy/registry.h"
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

Status Deployment::start_engines(const config::Config& config) {
  services_ = std::make_unique<policy::Services>(worker_count_, loop_, metrics_->of_policies());
  return policy::start_engines(config, *services_);
}

Status Deployment::begin(config::Config config, uint64_t revision) {
  auto compiled = compile(config, revision);
  if (!compiled) return compiled.error();
  become(std::move(config), std::move(*compiled));
  return follow(config_, snapshot_);
}

Result<std::vector<proxy::ListenerSockets>> Deployment::open_listeners() {
  return listeners_.update(snapshot_->listeners, worker_count_);
}

void Deployment::stop_engines() {
  if (builders_) builders_->stop();
  if (services_) services_->stop();
}

Result<std::shared_ptr<const proxy::Snapshot>> Deployment::compile(const config::Config& config,
                                                                   uint64_t revision, Extent extent,
                                                                   std::function<void()>* fill_table) {
  if (config.workers != 0 && config.workers != worker_count_)
    say(Level::kWarning,
        "the number of workers is not changed by a reload: it changes with a restart or an upgrade");
  for (const std::string& difference : fixed_.differences(FixedSettings::of(config)))
    say(Level::kWarning, difference);
  try {
    const bool can_share = extent == Extent::kRouting && snapshot_ != nullptr;
    const std::optional<Compiled> before =
        can_share ? std::optional<Compiled>({config_, *snapshot_}) : std::nullopt;
    auto compiled = compile_snapshot(config, revision, *metrics_, *services_, kept_,
                                     before ? &*before : nullptr, fill_table);
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

std::optional<config::Config> Deployment::check_errors(config::Reading& reading) {
  return load_without_warnings(reading, kept_.tls);
}

std::optional<config::Config> Deployment::try_out(config::Reading& reading) {
  TlsState tls([](Level, const std::string&) {});
  return load_config(reading, tls);
}

Deployment::Changing::Changing(Deployment& deployment) : deployment_(deployment) {
  deployment_.is_changing_ = true;
}

Deployment::Changing::~Changing() {
  deployment_.is_changing_ = false;
  if (std::exchange(deployment_.certificates_wait_, false)) deployment_.surroundings_.on_certificates();
}

Status Deployment::may_change() const {
  if (canary_)
    return Error{"revision " + std::to_string(canary_->snapshot->revision) +
                 " is a canary: promote it or withdraw it before another change"};
  if (is_changing_) return Error{"another change is being published: try again"};
  return {};
}

Task<Status> Deployment::publish(config::Config config, uint64_t revision, Record record, Extent extent) {
  if (Status free = may_change(); !free) co_return free;
  const Changing changing(*this);
  std::function<void()> fill_table;
  const auto compiled = compile(config, revision, extent, record ? &fill_table : nullptr);
  if (!compiled) co_return compiled.error();
  if (record) {
    record = [this, fill = std::move(fill_table), its_record = std::move(record)] {
      return record_while(fill, its_record);
    };
  }
  Task<Status> putting = put_in_force(std::move(config), *compiled, std::move(record));
  co_return co_await putting;
}

// Fills the table of routes on another thread while the revision is recorded.
Task<Status> Deployment::record_while(std::function<void()> fill_table, Record record) {
  try {
    if (!builders_) builders_.emplace(1, 1, SidePool::Priority::kLow);
  } catch (const std::system_error&) {  // thrown when the system allows no further thread
    fill_table();
  }
  if (!builders_) co_return co_await record();
  PoolJob<bool> filling(*builders_, loop_);
  const bool is_begun = filling.submit([fill = std::move(fill_table)](const std::stop_token&) {
    fill();
    return true;
  });
  if (!is_begun) co_return Error{"the gateway ends"};  // the only job finds room in the queue
  Task<Status> recording = record();
  const Status recorded = co_await recording;
  if (!recorded) co_return recorded;
  co_await filling;
  co_return recorded;
}

Task<Status> Deployment::put_in_force(config::Config config, std::shared_ptr<const proxy::Snapshot> fresh,
                                      Record record) {
  const auto change_admin = surroundings_.change_admin(config);
  if (!change_admin) co_return change_admin.error();
  if (const Status followed = follow(config, fresh); !followed) {
    follow_what_is_in_force();
    co_return followed;
  }
  Task<void> settling = names_.settle();
  co_await settling;
  auto sockets = listeners_.prepare(fresh->listeners, worker_count_);
  Status ready = sockets ? Status() : Status(sockets.error());
  if (ready && record) {
    Task<Status> recording = record();
    ready = co_await recording;
  }
  if (!ready) {
    follow_what_is_in_force();
    co_return ready;
  }
  fleet_.publish(fresh, listeners_.apply(std::move(*sockets), surroundings_.closed_files()));
  set_process_log(config.process_log);
  (*change_admin)();
  become(std::move(config), std::move(fresh));
  co_return Status();
}

// Notes that a revision is in force.
void Deployment::become(config::Config config, std::shared_ptr<const proxy::Snapshot> fresh) {
  snapshot_ = std::move(fresh);
  config_ = std::move(config);
  if (!canary_) kept_.keep_only(config_);
  tell_revisions();
  certificates_.follow(config_);
}

// Counts the revisions in force, and has them on the metrics page.
void Deployment::tell_revisions() {
  const uint64_t canary = canary_ ? canary_->snapshot->revision : 0;
  metrics_->set_revisions(snapshot_->revision, canary);
}

// Follows the names of this configuration, and of the canary behind it.
Status Deployment::follow(const config::Config& config, std::shared_ptr<const proxy::Snapshot> snapshot) {
  std::vector<NameService::Followed> all{{config, std::move(snapshot)}};
  if (canary_) all.push_back({canary_->config, canary_->snapshot});
  return names_.follow(all, *metrics_);
}

// Follows the names of the configuration in force again, after another configuration has failed.
void Deployment::follow_what_is_in_force() {
  (void)follow(config_, snapshot_);
  if (!canary_) kept_.keep_only(config_);
}

Task<std::optional<Status>> Deployment::publish_certificates() {
  std::optional<Status> outcome;
  if (is_changing_) {  // asked for again at the end of that change
    certificates_wait_ = true;
    co_return outcome;
  }
  if (!certificates_.take_change(config_)) co_return outcome;
  config::Diagnostics diagnostics;
  check_tls(config_, kept_.tls, diagnostics);
  print_diagnostics(diagnostics);
  if (diagnostics.has_errors()) {
    outcome = Status(Error{"the log has their errors"});
    co_return outcome;
  }
  const Changing changing(*this);
  config::Config same = config_;
  const auto compiled = compile(same, snapshot_->revision);
  if (!compiled) {
    outcome = Status(compiled.error());
    co_return outcome;
  }
  Task<Status> putting = put_in_force(std::move(same), *compiled, nullptr);
  outcome = co_await putting;
  if (*outcome && canary_) outcome = renew_canary();
  co_return outcome;
}

}  // namespace portcullis::control
