#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/diagnostics.h"
#include "control/admin_server.h"
#include "proxy/worker.h"
#include "telemetry/metrics.h"

namespace portcullis::control {

// The running gateway: loads the configuration, starts the workers, and follows signals. Lives on the main
// thread.
class Gateway {
 public:
  explicit Gateway(std::string config_path) : config_path_(std::move(config_path)) {}

  // Loads and starts; the diagnostics are printed. False when it cannot serve.
  bool start();
  // Serves until SIGTERM, SIGINT (both drain) or SIGQUIT (closes at once). SIGHUP reloads. Call
  // block_signals() before any thread starts.
  void run_until_signalled();

  static void block_signals();

 private:
  std::shared_ptr<const proxy::Snapshot> load();
  Status open_sockets(const proxy::Snapshot& snapshot, size_t workers,
                      std::vector<std::vector<UniqueFd>>& sockets);
  bool open_admin(const std::string& address);
  void reload();
  void stop(int signal);

  static constexpr int kBacklog = 4096;

  std::string config_path_;
  uint64_t version_ = 0;
  size_t worker_count_ = 0;
  size_t finished_workers_ = 0;
  bool draining_ = false;
  std::string admin_address_;
  std::string access_log_path_;
  EventLoop loop_;  // of the control thread
  std::unique_ptr<telemetry::Registry> metrics_;
  std::shared_ptr<const proxy::Snapshot> snapshot_;
  std::unique_ptr<telemetry::AccessLog> access_log_;
  std::vector<std::unique_ptr<proxy::Worker>> workers_;
  std::unique_ptr<AdminServer> admin_;
};

// Prints all of them to standard error.
void print_diagnostics(const config::Diagnostics& diagnostics);

}  // namespace portcullis::control
