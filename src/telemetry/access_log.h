#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "telemetry/log_format.h"
#include "telemetry/log_ring.h"
#include "telemetry/log_sink.h"

namespace portcullis::telemetry {

// Writes the log lines of all workers on a thread of its own. A worker formats its line into its own ring and
// never waits; when the ring is full, the line is dropped and write() returns false.
class AccessLog {
 public:
  // `place` as in LogSink::open().
  static Result<std::unique_ptr<AccessLog>> open(const std::string& place, size_t workers);
  // Writes the lines in the rings; drops lines that the log's reader does not accept within a second.
  ~AccessLog();

  // Writes a line of worker `index`, on that worker's thread. False when the line was dropped.
  bool write(size_t index, const LogFormat& format, const AccessEntry& entry);

  // The number of lines that were accepted and could not be written. Any thread.
  uint64_t dropped() const { return sink_->dropped(); }
  // Opens the file again, for log rotation. Any thread.
  void reopen() { reopen_.store(true, std::memory_order_relaxed); }

 private:
  AccessLog(size_t workers, std::unique_ptr<LogSink> sink);
  void run();
  size_t write_out();

  static constexpr size_t kRingBytes = 1 << 20;
  static constexpr size_t kUsualLine = Block::kSmall;
  // Lines are written in batches, so that a worker never wakes the thread.
  static constexpr std::chrono::milliseconds kPause{20};
  static constexpr std::chrono::milliseconds kLastPatience{1'000};

  std::vector<std::unique_ptr<LogRing>> rings_;  // of the workers
  std::unique_ptr<LogSink> sink_;
  std::mutex mutex_;
  std::condition_variable stopped_;  // notified when stopping_ becomes true
  bool stopping_ = false;            // guarded by the mutex
  std::atomic<bool> reopen_{false};
  std::thread thread_;
};

}  // namespace portcullis::telemetry
