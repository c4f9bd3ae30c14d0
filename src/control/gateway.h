#pragma once

#include <optional>
#include <string>

#include "control/admin_listener.h"
#include "control/canary.h"
#include "control/cluster/cluster_member.h"
#include "control/config_service.h"
#include "control/deployment.h"
#include "control/events.h"
#include "control/fleet.h"
#include "control/listener_set.h"
#include "control/logs.h"
#include "control/name_service.h"
#include "control/node.h"
#include "control/process_setup.h"
#include "control/quit_guard.h"
#include "control/revisions/canary_keeper.h"
#include "control/revisions/change_service.h"
#include "control/revisions/draft_service.h"
#include "control/revisions/publisher.h"
#include "control/service_manager.h"
#include "control/signals.h"
#include "control/upgrader.h"
#include "runtime/event_loop.h"

namespace portcullis::control {

struct RunOptions {
  std::string config_path;          // a file or a folder
  bool watch_files = false;         // whether a change of the files causes a reload
  std::string upgrade_socket_path;  // empty when only a successor that this process starts may take over
  std::string user;                 // NAME or NAME:GROUP of the user to become; empty to keep the user
  CoreDumps core_dumps = CoreDumps::kNo;
  // The text of the configuration, used in place of a file; `config_path` is then its name in messages. A
  // reload uses the same text.
  std::optional<std::string> config_text = std::nullopt;
  std::string welcome = "";  // printed when the gateway serves; empty to print the addresses
};

// The result of a start. The reason for a failure has been printed.
enum class StartOutcome {
  kServing,
  kBadConfiguration,
  kCouldNot,  // an address could not be bound, or a file could not be opened
};

// The running gateway: makes its parts, connects them, starts them in order, and handles signals. Lives on
// the main thread.
class Gateway {
 public:
  // `quit` outlives this object.
  Gateway(RunOptions options, QuitGuard& quit);
  ~Gateway();

  // Loads the configuration and starts; prints the diagnostics.
  StartOutcome start();
  // Serves until SIGTERM or SIGINT, which drain, or SIGQUIT, which closes all connections at once (by
  // QuitGuard). SIGHUP reloads, SIGUSR1 reopens the files of the logs, SIGUSR2 starts a successor.
  // block_signals() must be called before any thread starts.
  void run_until_signalled();

  static void block_signals();

 private:
  friend class Startup;

  // The cause of a drain.
  enum class StoppedBy { kSignal, kSuccessor };
  void stop(int signal, StoppedBy by);
  void receive_signal(int signal);
  ClusterMember::Surroundings cluster_surroundings();
  // Ends the threads after the last worker has ended, and stops the engines.
  void finish();

  const RunOptions options_;
  QuitGuard& quit_;
  EventLoop loop_;  // the loop of the control thread
  ServiceManager manager_;
  Logs logs_;
  EventHub events_{loop_};
  NodeState node_;
  ListenerSet listeners_;
  // Holds objects that workers and snapshots refer to, so it is destroyed after them.
  Deployment deployment_;
  Fleet fleet_;
  NameService names_;
  CanaryControl canary_;
  std::unique_ptr<ClusterMember> cluster_;  // null without a cluster
  Publisher publisher_;
  ConfigService config_service_;
  CanaryKeeper canary_keeper_;
  ChangeService changes_;
  DraftService drafts_;
  AdminListener admin_;
  Upgrader upgrader_;
  TaskGroup upgrades_;                    // of upgrades that wait for the end of a change
  std::unique_ptr<SignalWatch> signals_;  // null before the gateway serves
};

// Empties the caches, because purges of other nodes may have been missed.
void empty_caches(policy::Services& services);

}  // namespace portcullis::control
