#include "telemetry/access_log.h"

#include <pthread.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <charconv>
#include <csignal>
#include <ctime>

#include "base/text.h"

namespace portcullis::telemetry {
namespace {

void add_text(std::string& out, std::string_view key, std::string_view value) {
  out += ",\"";
  out += key;
  out += "\":\"";
  append_json_escaped(out, value);
  out += '"';
}

void add_number(std::string& out, std::string_view key, uint64_t value) {
  char digits[20];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
  out += ",\"";
  out += key;
  out += "\":";
  out.append(digits, end);
}

void add_time(std::string& out, std::string_view key, std::chrono::microseconds value) {
  if (value.count() >= 0) add_number(out, key, static_cast<uint64_t>(value.count()));
}

// RFC 3339, UTC, milliseconds.
void add_now(std::string& out) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  tm parts{};
  ::gmtime_r(&now.tv_sec, &parts);
  char text[32];
  const size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.", &parts);
  const auto millis = static_cast<int>(now.tv_nsec / 1'000'000);
  const char fraction[] = {static_cast<char>('0' + millis / 100), static_cast<char>('0' + millis / 10 % 10),
                           static_cast<char>('0' + millis % 10), 'Z'};
  out += "{\"time\":\"";
  out.append(text, size);
  out.append(fraction, sizeof fraction);
  out += '"';
}

}  // namespace

std::shared_ptr<spdlog::logger> AccessLog::make_logger(const std::string& path) {
  spdlog::sink_ptr sink;
  if (path == "stdout") {
    sink = std::make_shared<spdlog::sinks::stdout_sink_st>();
  } else if (path == "stderr") {
    sink = std::make_shared<spdlog::sinks::stderr_sink_st>();
  } else {
    sink = std::make_shared<spdlog::sinks::basic_file_sink_st>(path);
  }
  auto logger = std::make_shared<spdlog::logger>("access", std::move(sink));
  logger->set_pattern("%v");
  return logger;
}

Result<std::unique_ptr<AccessLog>> AccessLog::open(const std::string& path, size_t workers) {
  try {
    return std::unique_ptr<AccessLog>(new AccessLog(path, workers, make_logger(path)));
  } catch (const spdlog::spdlog_ex& problem) {
    return Error{"cannot open the access log: " + std::string(problem.what())};
  }
}

AccessLog::AccessLog(std::string path, size_t workers, std::shared_ptr<spdlog::logger> logger)
    : path_(std::move(path)), logger_(std::move(logger)) {
  for (size_t i = 0; i < workers; ++i) shards_.push_back(std::make_unique<Shard>());
  thread_ = std::thread([this] { run(); });
}

AccessLog::~AccessLog() {
  stopping_.store(true, std::memory_order_release);
  thread_.join();
}

bool AccessLog::write(size_t index, const AccessEntry& entry) {
  Shard& shard = *shards_[index];
  std::string& line = shard.line;
  line.clear();
  add_now(line);
  add_text(line, "request_id", entry.request_id);
  add_text(line, "client", entry.client);
  if (entry.peer != entry.client) add_text(line, "peer", entry.peer);
  add_text(line, "method", entry.method);
  add_text(line, "host", entry.host);
  add_text(line, "path", entry.path);
  if (!entry.consumer.empty()) add_text(line, "consumer", entry.consumer);
  if (!entry.credential.empty()) add_text(line, "credential", entry.credential);
  add_text(line, "route", entry.route);
  add_text(line, "upstream", entry.upstream);
  add_text(line, "branch", entry.branch);
  add_text(line, "target", entry.target);
  add_number(line, "status", entry.status);
  add_text(line, "ended", entry.ended);
  if (!entry.note.empty()) add_text(line, "note", entry.note);
  if (!entry.cache.empty()) add_text(line, "cache", entry.cache);
  add_number(line, "tries", entry.tries);
  add_number(line, "request_bytes", entry.request_bytes);
  add_number(line, "response_bytes", entry.response_bytes);
  add_time(line, "request_head_us", entry.request_head);
  add_time(line, "response_head_us", entry.response_head);
  add_time(line, "total_us", entry.total);
  line += '}';
  return shard.ring.put(line);
}

size_t AccessLog::write_out() {
  size_t lines = 0;
  for (const auto& shard : shards_) {
    lines += shard->ring.take_all([this](std::string_view line) {
      logger_->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
    });
  }
  return lines;
}

void AccessLog::run() {
  pthread_setname_np(pthread_self(), "access-log");
  for (;;) {
    const bool last = stopping_.load(std::memory_order_acquire);
    if (reopen_.exchange(false, std::memory_order_relaxed)) {
      try {
        logger_ = make_logger(path_);
      } catch (const spdlog::spdlog_ex&) {
        // The old file goes on; the next reload tries again.
      }
    }
    if (write_out() > 0) logger_->flush();
    if (last) return;
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace portcullis::telemetry
