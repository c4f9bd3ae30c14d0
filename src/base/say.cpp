#include "base/say.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

#include "base/output.h"
#include "base/text.h"

namespace portcullis {
namespace {

constexpr std::chrono::milliseconds kMessagePatience{200};
constexpr size_t kMaxWaiting = 1'000;  // messages; more are dropped while a thread is writing

std::atomic<int> descriptor_for_handlers{STDERR_FILENO};
std::array<std::atomic<uint64_t>, kLevels.size()> said{};

size_t index_of(Level level) {
  return level == Level::kError ? 0 : level == Level::kWarning ? 1 : 2;
}

// The current time in the format of RFC 3339, in UTC with milliseconds: 2026-11-28T12:00:00.123Z.
std::string current_timestamp() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  tm parts{};
  ::gmtime_r(&now.tv_sec, &parts);
  char text[80];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ", parts.tm_year + 1900,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                now.tv_nsec / 1'000'000);
  return text;
}

// A message may contain text from clients or targets, which must not be able to start a new log line.
std::string on_one_line(std::string_view message) {
  std::string out;
  for (const char c : message) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      char digits[2];
      write_hex(digits, byte, sizeof digits);
      out.append("\\x").append(digits, sizeof digits);
    } else {
      out += c;
    }
  }
  return out;
}

// JOURNAL_STREAM identifies the socket that the journal reads; a descriptor that was redirected since then
// does not match.
bool is_read_by_journal(int descriptor) {
  const char* told = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  if (told == nullptr || ::fstat(descriptor, &status) != 0) return false;
  return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino) == told;
}

class Messages {
 public:
  static Messages& instance() {
    static Messages one;
    return one;
  }

  void begin_log() {
    const std::lock_guard lock(mutex_);
    for_journal_ = is_read_by_journal(STDERR_FILENO);
    output_.emplace(Output::of_standard(STDERR_FILENO));
    descriptor_for_handlers.store(output_->descriptor());
  }

  void set(const ProcessLog& settings) {
    const std::lock_guard lock(mutex_);
    settings_ = settings;
  }

  // `plain` is the line that is written when the process log is not active.
  void write(Level level, std::string_view fault, const std::string& message, const std::string& plain) {
    said[index_of(level)].fetch_add(1, std::memory_order_relaxed);
    std::unique_lock lock(mutex_);
    if (!output_) return write_all(plain + "\n");
    if (level > settings_.level) return;
    pass_on(line_of(level, fault, message), lock);
  }

  void write_page(const std::string& text) {
    std::unique_lock lock(mutex_);
    output_ ? pass_on(text + "\n", lock) : write_all(text + "\n");
  }

 private:
  std::string line_of(Level level, std::string_view fault, std::string_view message) const {
    const std::string process = std::to_string(::getpid());
    const std::string priority = "<" + std::to_string(static_cast<int>(level)) + ">";
    std::string out = for_journal_ ? priority : "";
    if (settings_.format == ProcessLog::Format::kJson) {
      out += R"({"time":")" + current_timestamp() + R"(","level":")";
      out += name_of(level);
      out += R"(","process":)" + process;
      if (!fault.empty()) out.append(R"(,"fault":")").append(fault) += '"';
      out += R"(,"message":")";
      append_json_escaped(out, message);
      return out += "\"}\n";
    }
    // The journal adds the time and the process itself.
    if (!for_journal_) {
      out.append(current_timestamp()).append(" ").append(name_of(level));
      out.append(" portcullis[").append(process).append("]: ");
    }
    return out += on_one_line(message) + "\n";
  }

  // Writes `text`, or queues it when another thread is writing, so that this thread does not wait for that
  // thread.
  void pass_on(std::string text, std::unique_lock<std::mutex>& lock) {
    if (waiting_.size() >= kMaxWaiting) {
      ++dropped_;
      return;
    }
    waiting_.push_back(std::move(text));
    if (std::exchange(writing_, true)) return;
    const auto patience = ::getpid() == ::gettid() ? kMessagePatience : std::chrono::milliseconds(0);
    while (!waiting_.empty()) write_first(stuck_ ? std::chrono::milliseconds(0) : patience, lock);
    writing_ = false;
  }

  void write_first(std::chrono::milliseconds patience, std::unique_lock<std::mutex>& lock) {
    std::string text = rest_;
    const uint64_t dropped = dropped_;
    if (dropped > 0)
      text += line_of(
          Level::kWarning, "",
          "standard error could not be written: " + std::to_string(dropped) + " messages were dropped");
    text += waiting_.front();
    waiting_.pop_front();
    lock.unlock();
    const size_t taken = output_->write(text, patience);
    lock.lock();
    stuck_ = taken < text.size();
    if (taken <= rest_.size()) {
      rest_.erase(0, taken);
      ++dropped_;
    } else {
      // The rest of a partly written message is written first, so that lines stay whole.
      rest_ = text.substr(taken);
      dropped_ -= dropped;
    }
  }

  static void write_all(std::string_view text) {
    while (!text.empty()) {
      const ssize_t count = ::write(STDERR_FILENO, text.data(), text.size());
      if (count < 0 && errno != EINTR) return;
      if (count > 0) text.remove_prefix(static_cast<size_t>(count));
    }
  }

  std::mutex mutex_;
  std::optional<Output>
      output_;  // empty when there is no process log; messages then wait for the reader of standard error
  ProcessLog settings_;
  bool for_journal_ = false;
  std::deque<std::string> waiting_;
  bool writing_ = false;  // a thread is writing queued messages; that thread alone uses `rest_` and `stuck_`
  std::string rest_;      // the part of a message that the reader has not taken yet
  bool stuck_ = false;
  uint64_t dropped_ = 0;
};

}  // namespace

void say(Level level, const std::string& message) {
  Messages::instance().write(level, "", message, "portcullis: " + message);
}

void say(const std::string& message) {
  say(Level::kInfo, message);
}

void say_line(Level level, const std::string& line) {
  Messages::instance().write(level, "", line, line);
}

void say_page(const std::string& text) {
  Messages::instance().write_page(text);
}

void say_fault(Level level, std::string_view fault, const std::string& message) {
  Messages::instance().write(level, fault, message, "portcullis: " + message);
}

void begin_process_log() {
  Messages::instance().begin_log();
}

void set_process_log(const ProcessLog& settings) {
  Messages::instance().set(settings);
}

uint64_t messages_said(Level level) {
  return said[index_of(level)].load(std::memory_order_relaxed);
}

int message_descriptor() {
  return descriptor_for_handlers.load(std::memory_order_relaxed);
}

}  // namespace portcullis
