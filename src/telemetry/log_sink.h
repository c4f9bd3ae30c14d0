#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

#include "base/faults.h"
#include "base/result.h"

namespace portcullis::telemetry {

// The destination of a log. One thread at a time, except give_up_after() and dropped(). A write waits for a
// slow reader, of a pipe for example, until the time that give_up_after() has set; without it, without limit.
class LogSink {
 public:
  // `place` is "stdout", "stderr", "syslog" (this machine's, by /dev/log), "syslog:ADDRESS" (RFC 5424 in
  // datagrams to `address:port` or `unix:/path`), "journald", or the path of a file, to which lines are
  // appended. `fault` is the kind under which failures are counted and logged.
  static Result<std::unique_ptr<LogSink>> open(const std::string& place, const std::string& name,
                                               Fault fault);
  // What is wrong with a place, or "".
  static std::string check(const std::string& place);
  virtual ~LogSink() = default;

  // Writes a line; it may stay in memory until flush().
  virtual void write(std::string_view line) = 0;
  virtual void flush() {}
  // Opens the destination again, for log rotation. When that fails, the failure is logged and the old file
  // stays in use.
  virtual void reopen() {}
  // errno of the last attempt to write. 0 when it did not fail, even if the reader was too slow to accept any
  // bytes.
  virtual int error() const { return 0; }

  // After `patience` from now, lines that the reader does not accept at once are dropped.
  void give_up_after(std::chrono::milliseconds patience);
  // The number of lines that were passed to write() and could not be written.
  uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 protected:
  using Clock = std::chrono::steady_clock;
  // The time left until the sink gives up waiting.
  std::chrono::milliseconds patience() const;
  void note_dropped(uint64_t lines) { dropped_.fetch_add(lines, std::memory_order_relaxed); }

 private:
  std::atomic<Clock::rep> give_up_at_{std::numeric_limits<Clock::rep>::max()};
  std::atomic<uint64_t> dropped_{0};
};

}  // namespace portcullis::telemetry
