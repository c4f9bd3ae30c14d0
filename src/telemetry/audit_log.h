#pragma once

#include <nlohmann/json_fwd.hpp>

#include <memory>
#include <string>

#include "telemetry/log_sink.h"

namespace portcullis::telemetry {

// A JSON line for each change that somebody makes to the running gateway. Control thread.
class AuditLog {
 public:
  explicit AuditLog(std::unique_ptr<LogSink> sink) : sink_(std::move(sink)) {}

  // `by`: "signal", "files", or "admin ADDRESS". `details`: an object whose members the line has, too.
  void note(const std::string& action, const std::string& by, const nlohmann::json& details);
  void reopen() { sink_->reopen(); }

 private:
  // How long a line waits for a reader that is slow before it is dropped.
  static constexpr std::chrono::milliseconds kPatience{200};

  std::unique_ptr<LogSink> sink_;
  bool stuck_ = false;
};

}  // namespace portcullis::telemetry
