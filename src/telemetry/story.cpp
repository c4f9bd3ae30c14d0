#include "telemetry/story.h"

namespace portcullis::telemetry {

uint64_t milliseconds_now() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                   std::chrono::system_clock::now().time_since_epoch())
                                   .count());
}

void tell_story(const LogFormat& format, const AccessEntry& entry, Story& story) {
  story.at = milliseconds_now();
  story.took = entry.total;
  TextWriter line(Block::kSmall);
  format.write(entry, line);
  // With room for somewhat longer lines, so that the stories which take this one's place allocate nothing.
  if (story.line.capacity() < line.size()) story.line.reserve(2 * line.size());
  story.line = line.text();
}

}  // namespace portcullis::telemetry
