#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "telemetry/log_format.h"

namespace portcullis::telemetry {

// One request, told whole.
struct Story {
  uint64_t at = 0;  // milliseconds since 1970, when it ended
  std::chrono::microseconds took{0};
  uint64_t kind = 0;  // of refused requests: the same for those with the same status and reason
  std::string line;   // as the access log's JSON
};

// Since 1970, by the wall clock.
uint64_t milliseconds_now();

// Writes the story of `entry`, which has just ended, over what `story` held. Reuses its memory.
void tell_story(const LogFormat& format, const AccessEntry& entry, Story& story);

}  // namespace portcullis::telemetry
