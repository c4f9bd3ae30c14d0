#pragma once

#include <cstdio>
#include <string>

#include "config/diagnostics.h"

namespace portcullis::control {

// Tells whoever has started the gateway, on standard error. Any thread.
inline void say(const std::string& message) {
  std::fprintf(stderr, "portcullis: %s\n", message.c_str());
}

// Prints all of them to standard error, a line each.
inline void print_diagnostics(const config::Diagnostics& diagnostics) {
  for (const config::Diagnostic& one : diagnostics.sorted())
    std::fprintf(stderr, "%s\n", one.to_string().c_str());
}

}  // namespace portcullis::control
