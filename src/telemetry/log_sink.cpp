#include "telemetry/log_sink.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <optional>

#include "base/output.h"
#include "base/unique_fd.h"
#include "runtime/address.h"

namespace portcullis::telemetry {
namespace {

constexpr std::string_view kSyslog = "syslog";
constexpr std::string_view kSyslogAt = "syslog:";
constexpr std::string_view kJournal = "journald";

// The beginning of messages about a log.
std::string label_of(Fault fault) {
  return fault == Fault::kAuditLog ? "the audit log " : "the access log ";
}

std::string describe_failure(int error) {
  if (error == EAGAIN) return "its reader does not read; lines are dropped";
  return std::string("it cannot be written: ") + std::strerror(error) + "; lines are dropped";
}

class OutputSink final : public LogSink {
 public:
  OutputSink(std::string place, Output output, Fault fault)
      : place_(std::move(place)),
        output_(std::move(output)),
        fault_(fault),
        writing_(fault, label_of(fault) + place_) {}

  static Result<Output> open_place(const std::string& place) {
    if (place == "stdout") return Output::of_standard(STDOUT_FILENO);
    if (place == "stderr") return Output::of_standard(STDERR_FILENO);
    return Output::append_to(place);
  }

  void write(std::string_view line) override {
    (pending_ += line) += '\n';
    if (pending_.size() >= kMaxPending) flush();
  }

  void flush() override {
    while (!pending_.empty()) {
      // Writes in time slices, because give_up_after() may be called while this waits.
      const size_t taken = output_.write(pending_, std::clamp(patience(), kNone, kSlice));
      if (taken > 0) in_line_ = pending_[taken - 1] != '\n';
      pending_.erase(0, taken);
      if (output_.error() != 0) {
        writing_.failed(describe_failure(output_.error()));
      } else if (taken > 0) {
        writing_.works();
      }
      if (output_.error() != 0 || patience() <= kNone) return drop();
    }
  }

  void reopen() override {
    flush();
    if (place_ == "stdout" || place_ == "stderr") return;
    auto opened = open_place(place_);
    if (opened) output_ = std::move(*opened);
    if (!opened) count_fault(fault_);
    // Reported once, because each signal and each reload tries again.
    if (!opened && !reopen_failed_)
      tell_fault(fault_, Level::kError, opened.error().message + "; its lines still go to the previous file");
    if (opened && reopen_failed_)
      tell_fault(fault_, Level::kInfo, label_of(fault_) + place_ + ": it is opened again");
    reopen_failed_ = !opened;
  }

  int error() const override { return output_.error(); }

 private:
  // Drops lines, but keeps a line of which the reader has already received a part, so that lines stay whole.
  void drop() {
    const size_t kept = in_line_ ? pending_.find('\n') + 1 : 0;
    const auto first = pending_.begin() + static_cast<ptrdiff_t>(kept);
    note_dropped(static_cast<uint64_t>(std::count(first, pending_.end(), '\n')));
    pending_.resize(kept);
  }

  static constexpr std::chrono::milliseconds kNone{0};
  static constexpr std::chrono::milliseconds kSlice{50};
  static constexpr size_t kMaxPending = 64 << 10;

  const std::string place_;
  Output output_;
  const Fault fault_;
  FaultState writing_;
  std::string pending_;
  bool reopen_failed_ = false;
  bool in_line_ = false;  // the reader has received the beginning of a line but not its end
};

// Sends one datagram for each line; a line that cannot be sent is dropped.
class DatagramSink final : public LogSink {
 public:
  enum class Form { kLocal, kRfc5424, kJournald };

  DatagramSink(const SocketAddress& address, Form form, const std::string& place, std::string name,
               Fault fault)
      : address_(address), form_(form), name_(std::move(name)), sending_(fault, label_of(fault) + place) {
    char host[256] = "-";
    if (::gethostname(host, sizeof host - 1) == 0) host_ = host;
    (void)connect();
  }

  void write(std::string_view line) override {
    text_.clear();
    begin();
    text_ += line;
    if (form_ == Form::kJournald) text_ += '\n';
    // A restarted daemon has a new socket, so connect again.
    error_ = send();
    if (error_ != 0 && error_ != EAGAIN && error_ != EMSGSIZE) {
      const int refused = connect();
      error_ = refused != 0 ? refused : send();
    }
    if (error_ == 0) return sending_.works();
    note_dropped(1);
    sending_.failed(describe_failure(error_));
  }

  int error() const override { return error_; }

 private:
  // Returns errno, or 0.
  int send() {
    const ssize_t sent = ::send(fd_.get(), text_.data(), text_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent < 0 ? errno : 0;
  }
  // Returns errno, or 0.
  int connect() {
    fd_ = UniqueFd(::socket(address_.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
    return fd_ && ::connect(fd_.get(), address_.data(), address_.length()) == 0 ? 0 : errno;
  }

  // Writes the header with facility local0 (16) and severity informational (6).
  void begin() {
    const std::time_t now = std::time(nullptr);
    tm parts{};
    char time[64];
    const std::string process = std::to_string(::getpid());
    switch (form_) {
      case Form::kJournald: text_ += "PRIORITY=6\nSYSLOG_IDENTIFIER=" + name_ + "\nMESSAGE="; return;
      case Form::kLocal:
        ::localtime_r(&now, &parts);
        std::strftime(time, sizeof time, "%b %e %H:%M:%S", &parts);
        text_ += "<134>" + std::string(time) + " " + name_ + "[" + process + "]: ";
        return;
      case Form::kRfc5424:
        ::gmtime_r(&now, &parts);
        std::strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%SZ", &parts);
        text_ += "<134>1 " + std::string(time) + " " + host_ + " " + name_ + " " + process + " access - ";
        return;
    }
  }

  SocketAddress address_;
  Form form_;
  std::string name_;
  std::string host_ = "-";
  FaultState sending_;
  UniqueFd fd_;
  std::string text_;
  int error_ = 0;
};

}  // namespace

std::string LogSink::check(const std::string& place) {
  if (place.empty()) return "it cannot be empty";
  if (place.starts_with(kSyslogAt) && !SocketAddress::parse(place.substr(kSyslogAt.size())))
    return "`" + place.substr(kSyslogAt.size()) +
           "` is not an address: write `syslog:address:port` or `syslog:unix:/path`";
  return "";
}

Result<std::unique_ptr<LogSink>> LogSink::open(const std::string& place, const std::string& name,
                                               Fault fault) {
  const auto datagrams = [&](const std::string& address,
                             DatagramSink::Form form) -> Result<std::unique_ptr<LogSink>> {
    const auto parsed = SocketAddress::parse(address);
    if (!parsed) return Error{"`" + address + "` is not an address"};
    return std::unique_ptr<LogSink>(std::make_unique<DatagramSink>(*parsed, form, place, name, fault));
  };
  if (place == kSyslog) return datagrams("unix:/dev/log", DatagramSink::Form::kLocal);
  if (place == kJournal) return datagrams("unix:/run/systemd/journal/socket", DatagramSink::Form::kJournald);
  if (place.starts_with(kSyslogAt))
    return datagrams(place.substr(kSyslogAt.size()), DatagramSink::Form::kRfc5424);
  auto output = OutputSink::open_place(place);
  if (!output) return output.error();
  return std::unique_ptr<LogSink>(std::make_unique<OutputSink>(place, std::move(*output), fault));
}

void LogSink::give_up_after(std::chrono::milliseconds patience) {
  give_up_at_.store((Clock::now() + patience).time_since_epoch().count(), std::memory_order_relaxed);
}

std::chrono::milliseconds LogSink::patience() const {
  const Clock::time_point until{Clock::duration(give_up_at_.load(std::memory_order_relaxed))};
  if (until == Clock::time_point::max()) return std::chrono::milliseconds::max();
  return std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
}

}  // namespace portcullis::telemetry
