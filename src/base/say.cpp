#include "base/say.h"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <mutex>
#include <optional>

#include "base/output.h"

namespace portcullis {
namespace {

constexpr std::chrono::milliseconds kMessagePatience{200};

std::atomic<int> descriptor_for_handlers{STDERR_FILENO};

class Messages {
 public:
  static Messages& instance() {
    static Messages one;
    return one;
  }

  void drop_when_stuck() {
    const std::lock_guard lock(mutex_);
    output_.emplace(Output::of_standard(STDERR_FILENO));
    descriptor_for_handlers.store(output_->descriptor());
  }

  void write(const std::string& line) {
    const std::lock_guard lock(mutex_);
    if (!output_) return write_all(line + "\n");
    std::string text = rest_;
    if (dropped_ > 0)
      text +=
          "portcullis: standard error was not read: " + std::to_string(dropped_) + " messages were dropped\n";
    (text += line) += '\n';
    const size_t taken = output_->write(text, stuck_ ? std::chrono::milliseconds(0) : kMessagePatience);
    stuck_ = taken < text.size();
    if (taken <= rest_.size()) {
      rest_.erase(0, taken);
      ++dropped_;
    } else {
      // What has been begun is ended first, so that lines stay whole.
      rest_ = text.substr(taken);
      dropped_ = 0;
    }
  }

 private:
  static void write_all(std::string_view text) {
    while (!text.empty()) {
      const ssize_t count = ::write(STDERR_FILENO, text.data(), text.size());
      if (count < 0 && errno != EINTR) return;
      if (count > 0) text.remove_prefix(static_cast<size_t>(count));
    }
  }

  std::mutex mutex_;
  std::optional<Output> output_;  // none: this process waits for its reader
  std::string rest_;              // of a message of which the reader has taken a part
  bool stuck_ = false;
  uint64_t dropped_ = 0;
};

}  // namespace

void say(const std::string& message) {
  say_line("portcullis: " + message);
}

void say_line(const std::string& line) {
  Messages::instance().write(line);
}

void drop_messages_of_stuck_reader() {
  Messages::instance().drop_when_stuck();
}

int message_descriptor() {
  return descriptor_for_handlers.load(std::memory_order_relaxed);
}

}  // namespace portcullis
