#pragma once

#include <optional>
#include <string>

#include "control/admin_listener.h"
#include "control/config_service.h"
#include "control/deployment.h"
#include "control/fleet.h"
#include "control/listener_set.h"
#include "control/logs.h"
#include "control/name_service.h"
#include "control/process_setup.h"
#include "control/quit_guard.h"
#include "control/service_manager.h"
#include "control/signals.h"
#include "control/upgrader.h"
#include "runtime/event_loop.h"

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
};

// How a start went. Why it failed has been said.
enum class StartOutcome {
  kServing,
  kBadConfiguration,
  kCouldNot,  // an address could not be bound, or a file opened
};

// The running gateway: makes its parts, connects them, starts them in order, and follows signals. Lives on
// the main thread.
class Gateway {
 public:
  // `quit` outlives it.
  Gateway(RunOptions options, QuitGuard& quit);
  ~Gateway();

  // Loads and starts; the diagnostics are printed.
  StartOutcome start();
  // Serves until SIGTERM, SIGINT (both drain) or SIGQUIT (closes at once, by way of the guard). SIGHUP
  // reloads, SIGUSR1 opens the logs' files anew, SIGUSR2 starts a successor. Call block_signals() before any
  // thread starts.
  void run_until_signalled();

  static void block_signals();

 private:
  friend class Startup;

  // Who has asked for a drain.
  enum class StoppedBy { kSignal, kSuccessor };
  void stop(int signal, StoppedBy by);
  void receive_signal(int signal);
  // Serves what is in hand to its end, and ends the threads.
  void finish();

  const RunOptions options_;
  QuitGuard& quit_;
  EventLoop loop_;  // of the control thread
  ServiceManager manager_;
  Logs logs_;
  ListenerSet listeners_;
  // Holds what workers and snapshots refer to, so it is destroyed after them.
  Deployment deployment_;
  Fleet fleet_;
  NameService names_;
  ConfigService config_service_;
  AdminListener admin_;
  Upgrader upgrader_;
  std::unique_ptr<SignalWatch> signals_;  // null before the gateway serves
};

}  // namespace portcullis::control
