#include "control/gateway.h"

#include <nlohmann/json.hpp>

#include <csignal>
#include <functional>
#include <utility>

#include "base/say.h"
#include "base/wall_clock.h"
#include "config/file_origin.h"
#include "config/text_origin.h"
#include "control/canary_report.h"
#include "control/reload_report.h"
#include "control/revisions/stored_drafts.h"

namespace portcullis::control {
namespace {

// Makes the origin of configurations that the options name.
std::unique_ptr<config::Origin> make_origin(EventLoop& loop, const RunOptions& options) {
  if (options.config_text)
    return std::make_unique<config::TextOrigin>(options.config_path, *options.config_text);
  return std::make_unique<config::FileOrigin>(loop, options.config_path);
}

Task<void> perform(std::function<void()> act) {
  act();
  co_return;
}

// Calls `act` when no change of what is served is under way, or at once when the gateway drains.
Task<void> act_in_turn(ConfigService& service, std::function<void()> act) {
  ConfigService::Job job = [act] { return perform(act); };
  Task<bool> running = service.run(std::move(job));
  const bool acted = co_await running;
  if (!acted) act();
}

}  // namespace

Gateway::Gateway(RunOptions options, QuitGuard& quit)
    : options_(std::move(options)),
      quit_(quit),
      deployment_(loop_, fleet_, names_, listeners_,
                  {.change_admin =
                       [this](const config::Config& config) {
                         return admin_.prepare_change(config.admin, deployment_.kept().tls);
                       },
                   .closed_files =
                       [this] {
                         return upgrader_.has_successor() ? ListenerSet::Files::kLeft
                                                          : ListenerSet::Files::kRemoved;
                       },
                   .on_certificates = [this] { config_service_.request_certificates(); }}),
      fleet_(loop_),
      names_(loop_, fleet_,
             [this](const std::string& upstream, const upstream::UpstreamHealth::EjectionNews& news) {
               if (news.ejected)
                 events_.publish("target_ejected", {{"upstream", upstream},
                                                    {"address", news.address},
                                                    {"why", news.why},
                                                    {"for_ms", news.length.count()}});
             }),
      canary_(loop_, deployment_),
      publisher_(loop_, deployment_),
      config_service_(loop_, make_origin(loop_, options_), publisher_,
                      std::make_unique<ReloadReport>(deployment_, fleet_, manager_, logs_, events_, node_)),
      canary_keeper_(
          canary_, publisher_, config_service_,
          [this, report = CanaryReport(logs_, events_, node_)](const CanaryNews& news, const Author& by) {
            report.tell(news, by);
            if (cluster_) cluster_->tell();
          }),
      changes_(loop_, deployment_, fleet_, publisher_, canary_keeper_),
      drafts_(std::make_unique<StoredDrafts>(loop_, deployment_), changes_),
      admin_(loop_, Operations(loop_, deployment_, fleet_, names_, config_service_, changes_, drafts_, logs_,
                               node_, events_, cluster_)),
      upgrader_(loop_, listeners_, manager_, logs_,
                {.admin_sockets = [this] { return admin_.sockets(); },
                 .draining = [this] { return fleet_.draining(); },
                 .when_settled =
                     [this](std::function<void()> act) {
                       upgrades_.spawn(act_in_turn(config_service_, std::move(act)));
                     },
                 .serving_line = [this] { return serving_line(deployment_.revision()); },
                 .on_succeeded =
                     [this] {
                       // Both processes would answer at the shared admin address, and this process would
                       // report that it is not ready.
                       admin_.stop_accepting();
                       stop(SIGTERM, StoppedBy::kSuccessor);
                     }}) {
  publisher_.on_follow([this](uint64_t revision, const std::string& author) {
    node_.since = current_second();
    events_.publish("revision_published", {{"revision", revision}, {"author", author}});
    if (cluster_) cluster_->tell();
  });
}

Gateway::~Gateway() = default;

void Gateway::block_signals() {
  SignalWatch::block();
}

void Gateway::stop(int signal, StoppedBy by) {
  const bool at_once = signal == SIGQUIT;
  if (fleet_.draining() && !at_once) return;  // the gateway drains already
  const std::string how = at_once ? "stopping at once" : "draining";
  say(how);
  const Milliseconds deadline = at_once ? Milliseconds(0) : deployment_.snapshot()->drain_timeout;
  if (by == StoppedBy::kSignal) {
    // Not after an upgrade, when the service continues with the successor as its main process.
    manager_.stopping(how, deadline);
    upgrader_.end_successor(at_once ? SIGQUIT : SIGTERM);
  }
  logs_.audit(at_once ? "stop" : "drain", {.name = by == StoppedBy::kSignal ? "signal" : "successor"},
              nlohmann::json::object());
  // The sockets of ListenerSet are duplicates of the workers' sockets: while they are open, the kernel
  // accepts connections.
  const bool passed_on = by == StoppedBy::kSuccessor || upgrader_.has_foreign_successor();
  listeners_.close(passed_on ? ListenerSet::Files::kLeft : ListenerSet::Files::kRemoved);
  if (passed_on) admin_.leave_file();
  if (cluster_ && passed_on) cluster_->fall_silent();
  fleet_.drain(deadline);
  canary_keeper_.stop();
  config_service_.stop();
  if (cluster_) cluster_->tell();
}

void Gateway::receive_signal(int signal) {
  switch (signal) {
    case SIGHUP: config_service_.request_reload({.name = "signal"}); break;
    case SIGUSR1:
      say("the files of the logs are opened again");
      logs_.reopen();
      break;
    case SIGUSR2: upgrader_.start_successor(); break;
    case SIGCHLD: upgrader_.take_ended_children(); break;
    default: stop(signal, StoppedBy::kSignal);
  }
}

void Gateway::run_until_signalled() {
  loop_.run();  // returns after the last worker has ended
  finish();
}

void Gateway::finish() {
  quit_.clear_stop();
  config_service_.stop();
  admin_.finish();
  admin_.remove_file();
  if (cluster_) cluster_->leave();
  manager_.end_watch();
  fleet_.join();
  deployment_.stop_engines();
  changes_.stop();
}

}  // namespace portcullis::control
