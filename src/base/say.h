#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/enum_names.h"

namespace portcullis {

// How much a message matters. The numbers are syslog's (RFC 5424 section 6.2.1).
enum class Level : uint8_t {
  kError = 3,    // something does not work, and needs an operator
  kWarning = 4,  // something has gone wrong; the process goes on, perhaps with less
  kInfo = 6,     // what an operator may want to know
};
inline constexpr std::array kLevels{Level::kError, Level::kWarning, Level::kInfo};
constexpr auto names_of(Level) {
  return std::to_array<EnumName<Level>>(
      {{Level::kError, "error"}, {Level::kWarning, "warning"}, {Level::kInfo, "info"}});
}

// Where an object's messages go: mostly to say(). Any thread.
using Say = std::function<void(Level, const std::string&)>;

// Tells the operator something, on standard error. In a process that serves it is a line of the process log:
// no thread but the main one ever waits for the reader. Elsewhere it is a line that begins with the program's
// name. Any thread.
void say(Level level, const std::string& message);
void say(const std::string& message);  // at Level::kInfo
// A diagnostic, which names a file: the same, but without the program's name outside of the process log.
void say_line(Level level, const std::string& line);
// A text of several lines for a person, which is written as it is. Any thread.
void say_page(const std::string& text);
// A message with its kind (base/faults.h), which JSON lines have as the member `fault`. Any thread.
void say_fault(Level level, std::string_view fault, const std::string& message);

struct ProcessLog {
  enum class Format : uint8_t { kText, kJson };
  Format format = Format::kText;
  Level level = Level::kInfo;  // messages that matter less are left out

  bool operator==(const ProcessLog&) const = default;
};
constexpr auto names_of(ProcessLog::Format) {
  return std::to_array<EnumName<ProcessLog::Format>>(
      {{ProcessLog::Format::kText, "text"}, {ProcessLog::Format::kJson, "json"}});
}

// From now on messages are lines of the process log, with the time and the level; where systemd's journal
// reads standard error (JOURNAL_STREAM, systemd.exec(5)), text lines begin with the level as `<N>`
// (sd-daemon(3)) and have no time of their own. Control characters are escaped, so that a message is one line
// whatever is in it. A reader that is stuck holds up nothing: a message of the main thread waits a fifth of a
// second at most, those after it not at all, and what the reader has not taken by then is dropped. When it
// reads again, a line says how many messages were dropped. For a process that serves; before other threads
// start.
void begin_process_log();
// What the configuration says of it. Any thread.
void set_process_log(const ProcessLog& settings);

// How many messages of that level there have been, those that were left out or dropped included. Any thread.
uint64_t messages_said(Level level);

// Where a signal handler may write; begin_process_log() says which one that is.
int message_descriptor();

}  // namespace portcullis
