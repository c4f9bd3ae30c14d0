#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace portcullis::telemetry {

// Where the lines of a log go. One thread at a time.
class LogSink {
 public:
  // `place`: "stdout", "stderr", "syslog" (this machine's, by /dev/log), "syslog:ADDRESS" (RFC 5424 in
  // datagrams to `address:port` or `unix:/path`), "journald", or a file, to which lines are appended.
  static Result<std::unique_ptr<LogSink>> open(const std::string& place, const std::string& name);
  // What is wrong with a place, or "".
  static std::string check(const std::string& place);
  virtual ~LogSink() = default;

  // It may stay in memory until flush().
  virtual void write(std::string_view line) = 0;
  virtual void flush() {}
  // Opens it anew, for log rotation; where that fails the old one goes on.
  virtual void reopen() {}
};

}  // namespace portcullis::telemetry
