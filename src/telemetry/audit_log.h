#pragma once

#include <nlohmann/json_fwd.hpp>

#include <memory>
#include <string>

#include "telemetry/log_sink.h"

namespace portcullis::telemetry {

// Writes a JSON line for each change that an operator makes to the running gateway. Control thread.
class AuditLog {
 public:
  explicit AuditLog(std::unique_ptr<LogSink> sink) : sink_(std::move(sink)) {}

  // `by` is "signal", "files", "successor", or the author of a request to the admin API. The members of
  // `details`, an object, are added to the line.
  void note(const std::string& action, const std::string& by, const nlohmann::json& details);
  void reopen() { sink_->reopen(); }

 private:
  // How long a line waits for a slow reader before it is dropped.
  static constexpr std::chrono::milliseconds kPatience{200};

  std::unique_ptr<LogSink> sink_;
  bool stuck_ = false;
};

}  // namespace portcullis::telemetry
