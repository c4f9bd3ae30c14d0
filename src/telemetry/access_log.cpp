#include "telemetry/access_log.h"

#include "base/say.h"
#include "runtime/start_thread.h"

namespace portcullis::telemetry {

Result<std::unique_ptr<AccessLog>> AccessLog::open(const std::string& place, size_t workers) {
  auto sink = LogSink::open(place, "portcullis", Fault::kAccessLog);
  if (!sink) return Error{"cannot open the access log: " + sink.error().message};
  return std::unique_ptr<AccessLog>(new AccessLog(workers, std::move(*sink)));
}

AccessLog::AccessLog(size_t workers, std::unique_ptr<LogSink> sink) : sink_(std::move(sink)) {
  for (size_t i = 0; i < workers; ++i) rings_.push_back(std::make_unique<LogRing>(kRingBytes));
  thread_ = start_thread("access-log", [this] { run(); });
}

AccessLog::~AccessLog() {
  sink_->give_up_after(kLastPatience);
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stopped_.notify_one();
  thread_.join();
  if (const uint64_t lines = sink_->dropped(); lines > 0)
    say(Level::kWarning,
        "the access log: " + std::to_string(lines) + " lines could not be written and were dropped");
}

bool AccessLog::write(size_t index, const LogFormat& format, const AccessEntry& entry) {
  TextWriter line(kUsualLine);
  format.write(entry, line);
  return rings_[index]->put(line.text());
}

size_t AccessLog::write_out() {
  size_t lines = 0;
  for (const auto& ring : rings_)
    lines += ring->take_all([this](std::string_view line) { sink_->write(line); });
  return lines;
}

void AccessLog::run() {
  for (bool last = false;;) {
    if (reopen_.exchange(false, std::memory_order_relaxed)) sink_->reopen();
    if (write_out() > 0) sink_->flush();
    if (last) return;
    std::unique_lock lock(mutex_);
    last = stopped_.wait_for(lock, kPause, [this] { return stopping_; });
  }
}

}  // namespace portcullis::telemetry
