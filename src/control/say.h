#pragma once

#include <string>

#include "base/say.h"
#include "config/model.h"

namespace portcullis::control {

using portcullis::say;

// The max number of errors, and of warnings, that are printed: one mistake in a template may be in ten
// thousand routes.
inline constexpr size_t kMaxPrintedDiagnostics = 100;

// Prints diagnostics for the operator, one line each. May be called on any thread.
inline void print_diagnostics(const config::Diagnostics& diagnostics) {
  size_t errors = 0, warnings = 0, left_out = 0;
  for (const config::Diagnostic& one : diagnostics.sorted()) {
    const bool is_error = one.severity == config::Severity::kError;
    if (++(is_error ? errors : warnings) > kMaxPrintedDiagnostics) {
      ++left_out;
    } else {
      say_line(is_error ? Level::kError : Level::kWarning, one.to_string());
    }
  }
  if (left_out > 0)
    say_line(errors > 0 ? Level::kError : Level::kWarning,
             "and " + std::to_string(left_out) + " more: `portcullis check --json` prints all");
}

}  // namespace portcullis::control
