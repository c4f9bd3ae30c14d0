// How a running gateway takes another configuration, or other certificates.

#include <nlohmann/json.hpp>

#include "base/faults.h"
#include "control/gateway.h"
#include "control/say.h"

namespace portcullis::control {

// Without workers the gateway is still starting: its files are watched by then, but what a reload opened
// would be lost to the workers that the start makes.
Task<void> Gateway::may_reload() {
  while (reloading_ || workers_.empty()) co_await sleep_for(loop_, Milliseconds(5));
}

// One at a time: a caller that comes meanwhile waits, and then has what is in the files by then.
Task<ReloadOutcome> Gateway::reload(std::string by) {
  Task<void> turn = may_reload();
  co_await turn;
  reloading_ = true;
  if (!draining_) manager_.reloading();
  ReloadOutcome outcome = co_await reload_once();
  reloading_ = false;
  if (!draining_) manager_.ready((outcome.succeeded ? "" : "reload refused; ") + serving_line());
  metrics_->note_reload(outcome.succeeded);
  audit("reload", by,
        {{"outcome", outcome.succeeded ? "succeeded" : "refused"}, {"configuration", snapshot_->version}});
  co_return outcome;
}

Task<ReloadOutcome> Gateway::reload_once() {
  const auto refuse = [this](const std::string& why) {
    const std::string serving = "configuration " + std::to_string(snapshot_->version) + " goes on serving";
    say(Level::kError, "reload refused; " + serving);
    return ReloadOutcome{false, why + serving + "\n"};
  };
  if (options_.config_text) {
    reopen_logs();
    const std::string kept = "the configuration comes from the " + options_.config_path +
                             " and stays as it is: serving configuration " +
                             std::to_string(snapshot_->version);
    say(kept);
    co_return ReloadOutcome{true, kept + "\n"};
  }
  config::Diagnostics diagnostics;
  config::Sources sources;
  auto config = load_config(options_.source(), diagnostics, kept_.tls, &sources);
  note_sources(sources);
  print_diagnostics(diagnostics);
  std::string report;
  for (const config::Diagnostic& one : diagnostics.sorted()) report += one.to_string() + "\n";
  if (draining_) co_return refuse("the gateway is draining\n");
  if (!config) co_return refuse(report);
  Task<Status> serving = serve(std::move(*config));
  if (const Status served = co_await serving; !served) {
    say(Level::kError, served.error().message);
    co_return refuse(served.error().message + "\n");
  }
  reopen_logs();
  const std::string now = "serving configuration " + std::to_string(snapshot_->version);
  say(now);
  co_return ReloadOutcome{true, report + now + "\n"};
}

// Puts `config`, which has been checked, in the place of what is served. On an error everything is as before.
Task<Status> Gateway::serve(config::Config config) {
  const auto compiled = compile(config);
  if (!compiled) co_return compiled.error();
  const std::shared_ptr<const proxy::Snapshot>& fresh = *compiled;
  auto tls = admin_tls(config.admin);
  if (!tls) co_return tls.error();
  target_discovery_.watch(config, *metrics_);
  if (const Status followed = follow_names(fresh); !followed) co_return followed;
  // Requests for a new name would fail until it is known.
  const Clock::time_point patience = Clock::now() + kNamePatience;
  while (!names_settled() && Clock::now() < patience) co_await sleep_for(loop_, Milliseconds(5));
  // The end may have begun meanwhile: addresses that were opened now would take connections for nothing.
  if (draining_) co_return Error{"the gateway is draining"};
  const bool has_successor = upgrade_point_ && upgrade_point_->has_successor();
  auto sockets = listeners_.update(fresh->listeners, worker_count_,
                                   has_successor ? ListenerSet::Files::kLeft : ListenerSet::Files::kRemoved);
  if (!sockets) {
    target_discovery_.watch(config_, *metrics_);
    (void)follow_names(snapshot_);
    co_return sockets.error();
  }
  for (size_t i = 0; i < workers_.size(); ++i) workers_[i]->replace_snapshot(fresh, std::move((*sockets)[i]));
  tasks_.spawn(bury(std::exchange(snapshot_, fresh)));
  metrics_->set_config_version(fresh->version);
  config_ = std::move(config);
  set_process_log(config_.process_log);
  // Where it stays elsewhere than the configuration says, what guards it there stays, too.
  if (admin_ && config_.admin.enabled() && config_.admin.address == fixed_.admin_address)
    admin_->change(config_.admin, std::move(*tls));
  follow_tls_files();
  co_return Status();
}

void Gateway::follow_tls_files() {
  const std::vector<std::string> files = tls_files(config_);
  tls_fingerprint_ = tls_fingerprint(files);
  if (!tls_watch_ && !files.empty())
    tls_watch_ = std::make_unique<FileWatch>(loop_, [this] { tasks_.spawn(refresh_tls()); });
  if (tls_watch_) tls_watch_->set_files(files);
}

// Certificates come and go by themselves; the configuration is not read for that.
Task<void> Gateway::refresh_tls() {
  Task<void> turn = may_reload();
  co_await turn;
  const std::string now = tls_fingerprint(tls_files(config_));
  if (now == tls_fingerprint_ || draining_) co_return;
  tls_fingerprint_ = now;
  reloading_ = true;
  config::Diagnostics diagnostics;
  check_tls(config_, kept_.tls, diagnostics);
  print_diagnostics(diagnostics);
  config::Config same = config_;
  Task<Status> serving = serve(std::move(same));
  Status served = diagnostics.has_errors() ? Status(Error{"they are not good"}) : Status();
  if (served) served = co_await serving;
  reloading_ = false;
  metrics_->note_reload(static_cast<bool>(served));
  audit("certificates", "files", {{"outcome", served ? "succeeded" : "refused"}});
  if (!served) count_fault(Fault::kCertificate);
  say(served ? Level::kInfo : Level::kError,
      served ? "certificates have changed: serving configuration " + std::to_string(snapshot_->version)
             : "changed certificates refused (" + served.error().message + "); those before go on serving");
}

// Holds a replaced snapshot until nobody else does, so that no worker has to take a large one apart.
Task<void> Gateway::bury(std::shared_ptr<const proxy::Snapshot> replaced) {
  while (replaced.use_count() > 1) co_await sleep_for(loop_, Milliseconds(100));
}

// Something has changed beside the files: is it they?
Task<void> Gateway::reload_if_changed() {
  Task<void> turn = may_reload();
  co_await turn;
  // Into a folder that is new, more may have come before it was watched.
  for (bool grown = true; grown && !draining_;) {
    config::Diagnostics ignored;
    config::Sources sources;
    load_config(options_.source(), ignored, kept_.tls, &sources);
    grown = file_watch_->set_files(sources.files);
    if (sources.fingerprint == fingerprint_) continue;
    Task<ReloadOutcome> reloading = reload("files");
    co_await reloading;
  }
}

}  // namespace portcullis::control
