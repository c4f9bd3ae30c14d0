#pragma once

#include <time.h>

#include <chrono>

namespace portcullis {

// The current calendar time in whole seconds, for certificates and tokens that expire. A new second may be
// seen some milliseconds late, because the kernel's coarse clock costs a fifth of the exact one. Any thread.
inline std::chrono::sys_seconds current_second() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return std::chrono::sys_seconds(std::chrono::seconds(now.tv_sec));
}

}  // namespace portcullis
