#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/enum_names.h"

namespace portcullis {

// The severity of a message. The numbers are those of syslog (RFC 5424 section 6.2.1).
enum class Level : uint8_t {
  kError = 3,    // something does not work and needs an operator
  kWarning = 4,  // something went wrong; the process continues, perhaps with reduced function
  kInfo = 6,     // information for operators
};
inline constexpr std::array kLevels{Level::kError, Level::kWarning, Level::kInfo};
constexpr auto names_of(Level) {
  return std::to_array<EnumName<Level>>(
      {{Level::kError, "error"}, {Level::kWarning, "warning"}, {Level::kInfo, "info"}});
}

// Receives an object's messages; usually this is say(). Any thread.
using Say = std::function<void(Level, const std::string&)>;

// Writes a message to standard error. After begin_process_log() it is a line of the process log, and only the
// main thread ever waits for the reader. Otherwise it is a line that begins with the program's name. Any
// thread.
void say(Level level, const std::string& message);
void say(const std::string& message);  // with Level::kInfo
// Like say(), for a diagnostic that begins with a file name: the line outside of the process log does not
// begin with the program's name. Any thread.
void say_line(Level level, const std::string& line);
// Writes a text of several lines for people, unchanged. Any thread.
void say_page(const std::string& text);
// Writes a message with its kind of fault (base/faults.h); JSON lines have the kind as the member `fault`.
// Any thread.
void say_fault(Level level, std::string_view fault, const std::string& message);

struct ProcessLog {
  enum class Format : uint8_t { kText, kJson };
  Format format = Format::kText;
  Level level = Level::kInfo;  // messages of lower severity are not logged

  bool operator==(const ProcessLog&) const = default;
};
constexpr auto names_of(ProcessLog::Format) {
  return std::to_array<EnumName<ProcessLog::Format>>(
      {{ProcessLog::Format::kText, "text"}, {ProcessLog::Format::kJson, "json"}});
}

// Starts the process log: from now on messages are lines with a time and a level. Where systemd's journal
// reads standard error (JOURNAL_STREAM, systemd.exec(5)), text lines begin with the level as `<N>`
// (sd-daemon(3)) and have no time. Control characters are escaped, so every message is one line.
// A stuck reader does not block the process: a message of the main thread waits at most a fifth of a second
// for the reader, the messages after it do not wait, and messages that the reader has not taken by then are
// dropped. When the reader continues, a line says how many messages were dropped.
// Call this only in a process that serves, before other threads start.
void begin_process_log();
// Applies the `process_log` settings of the configuration. Any thread.
void set_process_log(const ProcessLog& settings);

// The number of messages of `level` so far, including messages that were filtered out or dropped. Any thread.
uint64_t messages_said(Level level);

// The descriptor to which signal handlers may write; begin_process_log() chooses it.
int message_descriptor();

}  // namespace portcullis
