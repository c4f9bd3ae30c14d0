#pragma once

#include "base/say.h"
#include "config/diagnostics.h"

namespace portcullis::control {

using portcullis::say;

// Tells the operator all of them, a line each. Any thread.
inline void print_diagnostics(const config::Diagnostics& diagnostics) {
  for (const config::Diagnostic& one : diagnostics.sorted()) say_line(one.to_string());
}

}  // namespace portcullis::control
