#pragma once

#include "base/say.h"
#include "config/model.h"

namespace portcullis::control {

using portcullis::say;

// What the configuration says of the process log.
inline ProcessLog process_log_of(const config::Config& config) {
  return {config.process_log.format == config::ProcessLogFormat::kJson ? ProcessLog::Format::kJson
                                                                       : ProcessLog::Format::kText,
          kLevels[static_cast<size_t>(config.process_log.level)]};
}

// Tells the operator all of them, a line each. Any thread.
inline void print_diagnostics(const config::Diagnostics& diagnostics) {
  for (const config::Diagnostic& one : diagnostics.sorted())
    say_line(one.severity == config::Severity::kError ? Level::kError : Level::kWarning, one.to_string());
}

}  // namespace portcullis::control
