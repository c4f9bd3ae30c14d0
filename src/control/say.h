#pragma once

#include <cstdio>
#include <string>

namespace portcullis::control {

// Tells whoever has started the gateway, on standard error. Any thread.
inline void say(const std::string& message) {
  std::fprintf(stderr, "portcullis: %s\n", message.c_str());
}

}  // namespace portcullis::control
