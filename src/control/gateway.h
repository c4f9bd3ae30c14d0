#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "client/http_client.h"
#include "config/diagnostics.h"
#include "config/model.h"
#include "config/sources.h"
#include "control/admin/server.h"
#include "control/fixed_settings.h"
#include "control/listener_set.h"
#include "control/overload_guard.h"
#include "control/privileges.h"
#include "control/process_setup.h"
#include "control/quit_guard.h"
#include "control/service_manager.h"
#include "control/signals.h"
#include "control/snapshot.h"
#include "control/successor_process.h"
#include "control/target_discovery.h"
#include "control/upgrade.h"
#include "policy/services.h"
#include "proxy/worker.h"
#include "runtime/file_watch.h"
#include "telemetry/audit_log.h"
#include "telemetry/metrics.h"
#include "upstream/discovery.h"
#include "upstream/health_checks.h"

namespace portcullis::control {

struct RunOptions {
  std::string config_path;          // a file or a folder
  bool watch_files = false;         // reload when they change
  std::string upgrade_socket_path;  // empty: only a successor that this process starts itself takes over
  std::string user;                 // NAME or NAME:GROUP to become; empty: it stays who it is
  CoreDumps core_dumps = CoreDumps::kNo;
  // The configuration itself, in place of a file; `config_path` is then its name in messages. A reload keeps
  // it.
  std::optional<std::string> config_text = std::nullopt;
  std::string welcome = "";  // said once it serves, in place of the addresses; empty: those

  config::Source source() const { return {config_path, config_text}; }
};

// How a start went. Why it failed has been said.
enum class StartOutcome {
  kServing,
  kBadConfiguration,
  kCouldNot,  // an address could not be bound, or a file opened
};

// The running gateway: loads the configuration, starts the workers, and follows signals. Lives on the main
// thread.
class Gateway {
 public:
  // `quit` outlives it.
  Gateway(RunOptions options, QuitGuard& quit);

  // Loads and starts; the diagnostics are printed.
  StartOutcome start();
  // Serves until SIGTERM, SIGINT (both drain) or SIGQUIT (closes at once, by way of the guard). SIGHUP
  // reloads, SIGUSR1 opens the logs' files anew, SIGUSR2 starts a successor. Call block_signals() before any
  // thread starts.
  void run_until_signalled();

  static void block_signals();

 private:
  StartOutcome start_serving();
  void end_failed_start();
  // Another process passes its sockets on to this one.
  bool is_successor() const { return predecessor_ || !options_.upgrade_socket_path.empty(); }
  Result<std::unique_ptr<Succession>> find_predecessor();
  Status choose_user();
  Status open_logs();
  Status open_files(const config::Config& config);
  Status give_up_privileges();
  Status check_addresses(const config::Config& config) const;
  Status make_services(const config::Config& config);
  Result<std::shared_ptr<const proxy::Snapshot>> compile(const config::Config& config);
  Status start_workers(std::vector<proxy::ListenerSockets> sockets);
  Status open_admin(Succession* predecessor);
  Result<std::shared_ptr<const tls::ServerContext>> admin_tls(const config::Admin& settings);
  Status prepare_upgrade_point();
  void upgrade();
  void end_starting_successor(int signal);
  void take_ended_children();
  std::string serving_line() const;
  telemetry::States states();
  Status follow_names(std::shared_ptr<const proxy::Snapshot> snapshot);
  Status follow_hosts();
  bool names_settled() const {
    return target_discovery_.settled() && discovery_.settled() && publishing_ == 0;
  }
  Task<void> publish(std::string upstream, std::shared_ptr<const upstream::TargetList> targets);
  void note_sources(const config::Sources& sources);
  Task<void> may_reload();
  Task<ReloadOutcome> reload(std::string by);
  bool act_on_target(const TargetAction& action);
  void audit(const std::string& action, const std::string& by, const nlohmann::json& details);
  void reopen_logs();
  Task<ReloadOutcome> reload_once();
  Task<Status> serve(config::Config config);
  Task<void> reload_if_changed();
  Task<void> refresh_tls();
  void follow_tls_files();
  Task<void> bury(std::shared_ptr<const proxy::Snapshot> replaced);
  void stop(int signal, const std::string& by);
  void receive_signal(int signal);

  class GiveUpSuccessor final : public Timer {
   public:
    explicit GiveUpSuccessor(Gateway& gateway) : gateway_(gateway) {}
    void fire() override;

   private:
    Gateway& gateway_;
  };

  // How long a start or a reload waits for the first answer about new host names before it goes on without.
  static constexpr Milliseconds kNamePatience{1'800};

  // By whom a process is stopped whose successor serves.
  static constexpr const char* kSuccessor = "successor";

  const RunOptions options_;
  QuitGuard& quit_;
  const Program program_ = Program::of_this_process();
  UniqueFd predecessor_ = take_predecessor_socket();  // of which this process was started; none: of no other
  std::optional<Identity> identity_;                  // whom it is to become; none: it stays who it is
  uint64_t version_ = 0;
  size_t worker_count_ = 0;
  size_t finished_workers_ = 0;
  bool draining_ = false;
  bool reloading_ = false;
  FixedSettings fixed_;
  uint64_t fingerprint_ = 0;     // of the sources last tried
  config::Config config_;        // what is served
  std::string tls_fingerprint_;  // of the files last tried
  EventLoop loop_;               // of the control thread
  ServiceManager manager_;
  std::unique_ptr<SignalWatch> signals_;
  pid_t successor_ = 0;  // that was started and does not serve yet
  GiveUpSuccessor give_up_successor_{*this};
  Kept kept_;
  std::unique_ptr<telemetry::Registry> metrics_;
  std::unique_ptr<policy::Services> services_;  // after the loop, before the snapshot and the workers
  std::shared_ptr<const proxy::Snapshot> snapshot_;
  std::shared_ptr<const proxy::Snapshot> followed_;  // whose names are kept current: snapshot_, or the next
  size_t publishing_ = 0;
  ListenerSet listeners_;
  SocketFiles admin_file_;  // of the admin listener, where it is a Unix socket
  std::unique_ptr<telemetry::AccessLog> access_log_;
  std::unique_ptr<telemetry::TraceExporter> traces_;  // null: nobody traces
  std::unique_ptr<telemetry::AuditLog> audit_log_;    // null: none
  std::vector<std::unique_ptr<proxy::Worker>> workers_;
  std::unique_ptr<OverloadGuard> overload_;
  std::unique_ptr<Watchdog> watchdog_;
  upstream::HealthChecks health_checks_;
  upstream::Discovery discovery_{loop_,
                                 [this](const std::string& host, const upstream::Addresses& addresses) {
                                   health_checks_.set_addresses(host, addresses);
                                   for (const auto& worker : workers_) worker->set_addresses(host, addresses);
                                 }};
  client::HttpClient http_{loop_};
  TargetDiscovery target_discovery_;
  std::unique_ptr<AdminServer> admin_;
  std::unique_ptr<FileWatch> file_watch_;
  std::unique_ptr<FileWatch> tls_watch_;
  std::unique_ptr<UpgradePoint> upgrade_point_;
  TaskGroup tasks_;
};

}  // namespace portcullis::control
