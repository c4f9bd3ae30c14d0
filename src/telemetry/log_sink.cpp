#include "telemetry/log_sink.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ctime>
#include <optional>

#include "base/unique_fd.h"
#include "runtime/address.h"

namespace portcullis::telemetry {
namespace {

constexpr std::string_view kSyslog = "syslog";
constexpr std::string_view kSyslogAt = "syslog:";
constexpr std::string_view kJournal = "journald";

class SpdlogSink final : public LogSink {
 public:
  SpdlogSink(std::string place, std::shared_ptr<spdlog::logger> logger)
      : place_(std::move(place)), logger_(std::move(logger)) {}

  static std::shared_ptr<spdlog::logger> make(const std::string& place) {
    spdlog::sink_ptr sink;
    if (place == "stdout") {
      sink = std::make_shared<spdlog::sinks::stdout_sink_st>();
    } else if (place == "stderr") {
      sink = std::make_shared<spdlog::sinks::stderr_sink_st>();
    } else {
      sink = std::make_shared<spdlog::sinks::basic_file_sink_st>(place);
    }
    auto logger = std::make_shared<spdlog::logger>("log", std::move(sink));
    logger->set_pattern("%v");
    return logger;
  }

  void write(std::string_view line) override {
    (pending_ += line) += '\n';
    if (pending_.size() >= kMostPending) hand_over();
  }
  void flush() override {
    hand_over();
    logger_->flush();
  }
  void reopen() override {
    flush();
    try {
      logger_ = make(place_);
    } catch (const spdlog::spdlog_ex&) {
      // The next time, perhaps.
    }
  }

 private:
  // Many lines as one message: each would take longer than to make it.
  void hand_over() {
    if (pending_.empty()) return;
    pending_.pop_back();  // the logger ends it
    logger_->log(spdlog::level::info, spdlog::string_view_t(pending_.data(), pending_.size()));
    pending_.clear();
  }

  static constexpr size_t kMostPending = 64 << 10;

  std::string place_;
  std::shared_ptr<spdlog::logger> logger_;
  std::string pending_;
};

// One datagram for each line; when nobody takes them they are lost, as syslog's are.
class DatagramSink final : public LogSink {
 public:
  enum class Form { kLocal, kRfc5424, kJournald };

  DatagramSink(const SocketAddress& address, Form form, std::string name)
      : address_(address), form_(form), name_(std::move(name)) {
    char host[256] = "-";
    if (::gethostname(host, sizeof host - 1) == 0) host_ = host;
    connect();
  }

  void write(std::string_view line) override {
    text_.clear();
    begin();
    text_ += line;
    if (form_ == Form::kJournald) text_ += '\n';
    // A daemon that was started anew has another socket.
    if (::send(fd_.get(), text_.data(), text_.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN) {
      connect();
      (void)::send(fd_.get(), text_.data(), text_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
  }

 private:
  void connect() {
    fd_ = UniqueFd(::socket(address_.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (fd_) (void)::connect(fd_.get(), address_.data(), address_.length());
  }

  // Facility local0 (16), severity informational (6).
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
  UniqueFd fd_;
  std::string text_;
};

}  // namespace

std::string LogSink::check(const std::string& place) {
  if (place.empty()) return "it cannot be empty";
  if (place.starts_with(kSyslogAt) && !SocketAddress::parse(place.substr(kSyslogAt.size())))
    return "`" + place.substr(kSyslogAt.size()) +
           "` is no address: write `syslog:address:port` or `syslog:unix:/path`";
  return "";
}

Result<std::unique_ptr<LogSink>> LogSink::open(const std::string& place, const std::string& name) {
  const auto datagrams = [&](const std::string& address,
                             DatagramSink::Form form) -> Result<std::unique_ptr<LogSink>> {
    const auto parsed = SocketAddress::parse(address);
    if (!parsed) return Error{"`" + address + "` is no address"};
    return std::unique_ptr<LogSink>(std::make_unique<DatagramSink>(*parsed, form, name));
  };
  if (place == kSyslog) return datagrams("unix:/dev/log", DatagramSink::Form::kLocal);
  if (place == kJournal) return datagrams("unix:/run/systemd/journal/socket", DatagramSink::Form::kJournald);
  if (place.starts_with(kSyslogAt))
    return datagrams(place.substr(kSyslogAt.size()), DatagramSink::Form::kRfc5424);
  try {
    return std::unique_ptr<LogSink>(std::make_unique<SpdlogSink>(place, SpdlogSink::make(place)));
  } catch (const spdlog::spdlog_ex& problem) {
    return Error{std::string(problem.what())};
  }
}

}  // namespace portcullis::telemetry
