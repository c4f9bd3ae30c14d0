#include "control/gateway.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <system_error>

#include "base/faults.h"
#include "base/say.h"

namespace portcullis::control {

Gateway::Gateway(RunOptions options, QuitGuard& quit)
    : options_(std::move(options)),
      quit_(quit),
      kept_{TlsState(told_as(Fault::kCertificate))},
      health_checks_(loop_),
      target_discovery_(
          {loop_, http_, [this] { return discovery_.resolver(); },
           [this](std::chrono::seconds ttl) { return discovery_.pause_after(ttl); },
           told_as(Fault::kDiscovery)},
          [this](const std::string& upstream, std::shared_ptr<const upstream::TargetList> targets) {
            tasks_.spawn(publish(upstream, std::move(targets)));
          }) {}

void Gateway::block_signals() {
  SignalWatch::block();
}

Result<std::shared_ptr<const proxy::Snapshot>> Gateway::compile(const config::Config& config) {
  if (config.workers != 0 && config.workers != worker_count_)
    say(Level::kWarning, "the number of workers stays what it is: changing it needs a restart or an upgrade");
  for (const std::string& difference : fixed_.differences(FixedSettings::of(config)))
    say(Level::kWarning, difference);
  try {
    auto compiled = compile_snapshot(config, ++version_, *metrics_, *services_, kept_);
    services_->settle();
    return compiled;
  } catch (const std::system_error& problem) {  // a thread that cannot be started
    return Error{problem.what()};
  }
}

void Gateway::note_sources(const config::Sources& sources) {
  fingerprint_ = sources.fingerprint;
  if (file_watch_) file_watch_->set_files(sources.files);
}

Status Gateway::follow_names(std::shared_ptr<const proxy::Snapshot> snapshot) {
  followed_ = std::move(snapshot);
  health_checks_.watch(followed_->upstreams);
  return follow_hosts();
}

// Those of the snapshot's targets, and of what has been discovered.
Status Gateway::follow_hosts() {
  std::set<std::string> hosts = target_discovery_.hosts();
  hosts.insert(followed_->hosts.begin(), followed_->hosts.end());
  return discovery_.watch(hosts, followed_->dns);
}

// Discovered targets become the workers' when their names are known, so that none is without an address in
// the place of one that has one.
Task<void> Gateway::publish(std::string upstream, std::shared_ptr<const upstream::TargetList> targets) {
  ++publishing_;
  if (followed_) (void)follow_hosts();
  const Clock::time_point patience = Clock::now() + kNamePatience;
  while (!discovery_.settled() && Clock::now() < patience) co_await sleep_for(loop_, Milliseconds(5));
  --publishing_;
  if (target_discovery_.targets_of(upstream) != targets) co_return;  // there is a later one
  health_checks_.set_discovered(upstream, targets);
  for (const auto& worker : workers_) worker->set_discovered(upstream, targets);
}

// As a listener's, without HTTP/2.
Result<std::shared_ptr<const tls::ServerContext>> Gateway::admin_tls(const config::Admin& settings) {
  if (!settings.tls.enabled()) return std::shared_ptr<const tls::ServerContext>();
  return make_server_context(as_listener(settings), kept_.tls);
}

telemetry::States Gateway::states() {
  // A name costs a series, and there may be thousands.
  static constexpr size_t kMaxCertificates = 200;
  auto ends = kept_.tls.certificates.ends();
  std::sort(ends.begin(), ends.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  if (ends.size() > kMaxCertificates) ends.resize(kMaxCertificates);
  std::vector<std::pair<std::string, uint64_t>> certificates;
  certificates.reserve(ends.size());
  for (const auto& [file, end] : ends)
    certificates.emplace_back(file, static_cast<uint64_t>(end.time_since_epoch().count()));
  return {health_checks_.states(),
          breaker_states(snapshot_->upstreams),
          branch_states(*snapshot_, loop_.now()),
          &snapshot_->groups,
          {config_.metrics.consumers, config_.metrics.targets},
          traces_ ? traces_->state() : telemetry::TraceState(),
          overload_ ? overload_->state() : telemetry::OverloadState(),
          std::move(certificates),
          access_log_ ? access_log_->dropped() : 0};
}

void Gateway::audit(const std::string& action, const std::string& by, const nlohmann::json& details) {
  if (audit_log_) audit_log_->note(action, by, details);
}

bool Gateway::act_on_target(const TargetAction& action) {
  const auto found =
      std::find_if(snapshot_->upstreams.begin(), snapshot_->upstreams.end(),
                   [&action](const auto& upstream) { return upstream->name == action.upstream; });
  if (found == snapshot_->upstreams.end()) return false;
  upstream::UpstreamHealth& health = *(*found)->health;
  const std::string target = "upstream `" + action.upstream + "`: target " + action.address;
  bool known = false;
  switch (action.what) {
    case TargetAction::What::kResume:
      known = health.resume(action.address, loop_.now());
      if (known) say(target + " is not ejected any more, at an operator's request");
      break;
    case TargetAction::What::kDrain:
      known = health.set_drained(action.address, true, loop_.now());
      if (known) say(target + " is drained at an operator's request");
      break;
    case TargetAction::What::kUndrain:
      known = health.set_drained(action.address, false, loop_.now());
      if (known) say(target + " gets requests again, at an operator's request");
      break;
  }
  return known;
}

// For log rotation.
void Gateway::reopen_logs() {
  if (access_log_) access_log_->reopen();
  if (audit_log_) audit_log_->reopen();
}

void Gateway::stop(int signal, const std::string& by) {
  const bool at_once = signal == SIGQUIT;
  if (draining_ && !at_once) return;  // already on its way
  draining_ = true;
  say(at_once ? "stopping at once" : "draining");
  const Milliseconds deadline = at_once ? Milliseconds(0) : snapshot_->drain_timeout;
  // After an upgrade the service goes on: its main process is the successor then.
  if (by != kSuccessor) manager_.stopping(at_once ? "stopping at once" : "draining", deadline);
  if (by != kSuccessor) end_starting_successor(at_once ? SIGQUIT : SIGTERM);
  audit(at_once ? "stop" : "drain", by, nlohmann::json::object());
  // Ours are duplicates of the workers': while they are open the kernel goes on taking connections.
  // One that asked at the upgrade socket, and has them now, is on its own.
  const bool passed_on =
      by == kSuccessor || (upgrade_point_ && upgrade_point_->has_successor() && successor_ == 0);
  listeners_.close(passed_on ? ListenerSet::Files::kLeft : ListenerSet::Files::kRemoved);
  if (passed_on) admin_file_.forget_all();
  for (const auto& worker : workers_) worker->drain(deadline);
}

void Gateway::receive_signal(int signal) {
  const auto reload_for_signal = [](Gateway& gateway) -> Task<void> {
    Task<ReloadOutcome> reloading = gateway.reload("signal");
    co_await reloading;
  };
  switch (signal) {
    case SIGHUP: tasks_.spawn(reload_for_signal(*this)); break;
    case SIGUSR1:
      say("the files of the logs are opened again");
      reopen_logs();
      break;
    case SIGUSR2: upgrade(); break;
    case SIGCHLD: take_ended_children(); break;
    default: stop(signal, "signal");
  }
}

void Gateway::run_until_signalled() {
  loop_.run();  // until the last worker has finished
  quit_.clear_stop();
  admin_file_.remove_all();
  for (const auto& worker : workers_) worker->join();
  services_->stop();
  tasks_.clear();
}

}  // namespace portcullis::control
