#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "telemetry/log_format.h"

namespace portcullis::telemetry {

// All data of one request.
struct Story {
  uint64_t at = 0;  // end of the request, in milliseconds since 1970
  std::chrono::microseconds took{0};
  uint64_t kind = 0;  // of refused requests: equal for equal status and reason
  std::string line;   // the access log's JSON
};

// Wall-clock time in milliseconds since 1970.
uint64_t milliseconds_now();

// Writes the story of `entry`, which has just ended, into `story`, and reuses its memory.
void tell_story(const LogFormat& format, const AccessEntry& entry, Story& story);

}  // namespace portcullis::telemetry
