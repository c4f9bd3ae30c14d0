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

// Where the lines of a log go. One thread at a time, but for give_up_after() and dropped(). A write waits for
// a reader that is slow, of a pipe for example, until the time that give_up_after() has set; without it,
// without limit.
class LogSink {
 public:
  // `place`: "stdout", "stderr", "syslog" (this machine's, by /dev/log), "syslog:ADDRESS" (RFC 5424 in
  // datagrams to `address:port` or `unix:/path`), "journald", or a file, to which lines are appended.
  // `fault`: as which it counts and tells what goes wrong.
  static Result<std::unique_ptr<LogSink>> open(const std::string& place, const std::string& name,
                                               Fault fault);
  // What is wrong with a place, or "".
  static std::string check(const std::string& place);
  virtual ~LogSink() = default;

  // It may stay in memory until flush().
  virtual void write(std::string_view line) = 0;
  virtual void flush() {}
  // Opens it anew, for log rotation; where that fails it is said, and the old one goes on.
  virtual void reopen() {}
  // errno of the last attempt to write; 0 when it did not fail, although the reader may have taken nothing.
  virtual int error() const { return 0; }

  // From `patience` from now on, lines that the reader does not take at once are dropped.
  void give_up_after(std::chrono::milliseconds patience);
  // Lines that were handed over to write() and could not be written.
  uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 protected:
  using Clock = std::chrono::steady_clock;
  // What is left until the time to give up.
  std::chrono::milliseconds patience() const;
  void note_dropped(uint64_t lines) { dropped_.fetch_add(lines, std::memory_order_relaxed); }

 private:
  std::atomic<Clock::rep> give_up_at_{std::numeric_limits<Clock::rep>::max()};
  std::atomic<uint64_t> dropped_{0};
};

}  // namespace portcullis::telemetry
