#pragma once

#include <chrono>

namespace portcullis {

// The current calendar time in whole seconds, for certificates and tokens that expire. Any thread.
inline std::chrono::sys_seconds current_second() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

}  // namespace portcullis
