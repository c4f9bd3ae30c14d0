#include "control/gateway.h"

#include <nlohmann/json.hpp>

#include <csignal>
#include <utility>

#include "base/say.h"
#include "config/file_origin.h"
#include "config/text_origin.h"
#include "control/reload_report.h"

namespace portcullis::control {
namespace {

// Makes the origin of configurations that the options name.
std::unique_ptr<config::Origin> make_origin(EventLoop& loop, const RunOptions& options) {
  if (options.config_text)
    return std::make_unique<config::TextOrigin>(options.config_path, *options.config_text);
  return std::make_unique<config::FileOrigin>(loop, options.config_path);
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
      names_(loop_, fleet_),
      config_service_(loop_, make_origin(loop_, options_), deployment_,
                      std::make_unique<ReloadReport>(deployment_, fleet_, manager_, logs_)),
      admin_(loop_, Operations(loop_, deployment_, fleet_, names_, config_service_, logs_)),
      upgrader_(loop_, listeners_, manager_, logs_,
                {.admin_sockets = [this] { return admin_.sockets(); },
                 .draining = [this] { return fleet_.draining(); },
                 .serving_line = [this] { return serving_line(deployment_.version()); },
                 .on_succeeded =
                     [this] {
                       // Both processes would answer at the shared admin address, and this process would
                       // report that it is not ready.
                       admin_.stop_accepting();
                       stop(SIGTERM, StoppedBy::kSuccessor);
                     }}) {}

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
  logs_.audit(at_once ? "stop" : "drain", by == StoppedBy::kSignal ? "signal" : "successor",
              nlohmann::json::object());
  // The sockets of ListenerSet are duplicates of the workers' sockets: while they are open, the kernel
  // accepts connections.
  const bool passed_on = by == StoppedBy::kSuccessor || upgrader_.has_foreign_successor();
  listeners_.close(passed_on ? ListenerSet::Files::kLeft : ListenerSet::Files::kRemoved);
  if (passed_on) admin_.leave_file();
  fleet_.drain(deadline);
  config_service_.stop();
}

void Gateway::receive_signal(int signal) {
  switch (signal) {
    case SIGHUP: config_service_.request_reload("signal"); break;
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
  manager_.end_watch();
  fleet_.join();
  deployment_.stop_engines();
}

}  // namespace portcullis::control
