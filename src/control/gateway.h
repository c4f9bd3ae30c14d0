#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/diagnostics.h"
#include "proxy/worker.h"

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
  void reload();

  static constexpr int kBacklog = 4096;
  static constexpr Milliseconds kDrainDeadline{30'000};

  std::string config_path_;
  uint64_t version_ = 0;
  size_t worker_count_ = 0;
  std::shared_ptr<const proxy::Snapshot> snapshot_;
  std::vector<std::unique_ptr<proxy::Worker>> workers_;
};

// Prints all of them to standard error.
void print_diagnostics(const config::Diagnostics& diagnostics);

}  // namespace portcullis::control
