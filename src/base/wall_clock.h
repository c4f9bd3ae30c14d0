#pragma once

#include <chrono>

namespace portcullis {

// The time of day, to the second: for what expires by the calendar. Any thread.
inline std::chrono::sys_seconds current_second() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

}  // namespace portcullis
