#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/result.h"
#include "telemetry/log_ring.h"

namespace spdlog {
class logger;
}

namespace portcullis::telemetry {

// What one line of the access log says. Views are copied before write() returns.
struct AccessEntry {
  std::string_view request_id;
  std::string_view client;  // as trusted proxies tell it
  std::string_view peer;    // the other end of the connection; logged when it is not the client
  std::string_view method;
  std::string_view host;
  std::string_view path;  // as received, without the query, which may hold secrets
  std::string_view consumer;
  std::string_view credential;
  std::string_view route;
  std::string_view upstream;
  std::string_view branch;  // of the route's split
  std::string_view target;
  uint16_t status = 0;         // 0: no answer was sent
  std::string_view ended;      // the named reason: "complete", "no_route", "connect_failed", ...
  std::string_view note;       // of a policy that let it pass
  std::string_view cache;      // what it did: "hit", "miss", ...
  uint64_t request_bytes = 0;  // of the bodies
  uint64_t response_bytes = 0;
  unsigned tries = 0;
  // From the request's first byte; negative: never reached.
  std::chrono::microseconds request_head{-1};
  std::chrono::microseconds response_head{-1};
  std::chrono::microseconds total{0};
};

// One JSON line for each request, written by a thread of its own. A worker formats its line into its own ring
// and never waits; when the ring is full the line is dropped and the worker told.
class AccessLog {
 public:
  // `path` is "stdout", "stderr" or a file, to which lines are appended.
  static Result<std::unique_ptr<AccessLog>> open(const std::string& path, size_t workers);
  // Writes what is still in the rings.
  ~AccessLog();

  // Worker `index`, on its own thread. False when the line was dropped.
  bool write(size_t index, const AccessEntry& entry);

  // Opens the file anew, for log rotation. Any thread.
  void reopen() { reopen_.store(true, std::memory_order_relaxed); }

 private:
  struct Shard {
    LogRing ring{kRingBytes};
    std::string line;  // keeps its capacity, so formatting allocates nothing in steady state
  };

  AccessLog(std::string path, size_t workers, std::shared_ptr<spdlog::logger> logger);
  static std::shared_ptr<spdlog::logger> make_logger(const std::string& path);
  void run();
  size_t write_out();

  static constexpr size_t kRingBytes = 1 << 20;
  static constexpr std::chrono::milliseconds kPause{20};

  std::string path_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::shared_ptr<spdlog::logger> logger_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> reopen_{false};
  std::thread thread_;
};

}  // namespace portcullis::telemetry
