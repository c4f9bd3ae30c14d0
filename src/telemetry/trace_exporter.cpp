#include "telemetry/trace_exporter.h"

#include <chrono>

#include "base/curl_library.h"
#include "base/text.h"
#include "runtime/start_thread.h"

namespace portcullis::telemetry {
namespace {

constexpr std::chrono::milliseconds kBetweenBatches{500};
constexpr long kPatience = 5'000;  // milliseconds

// Removes the leading number of spans from a line of the ring; the spans follow.
std::string_view take_count(std::string_view line, size_t& count) {
  const size_t space = line.find(' ');
  count = parse_decimal(line.substr(0, space)).value_or(0);
  return line.substr(space + 1);
}

size_t swallow(char*, size_t size, size_t count, void*) {
  return size * count;
}

}  // namespace

TraceExporter::TraceExporter(Settings settings, size_t workers) : settings_(std::move(settings)) {
  for (size_t i = 0; i < workers; ++i) shards_.push_back(std::make_unique<Shard>());
  thread_ = start_thread("traces", [this] { run(); });
}

TraceExporter::~TraceExporter() {
  {
    const std::lock_guard lock(mutex_);
    stopping_.store(true, std::memory_order_release);
  }
  stopped_.notify_one();
  thread_.join();
}

void TraceExporter::add(size_t index, std::string_view spans, size_t count) {
  Shard& shard = *shards_[index];
  std::string line = std::to_string(count) + " ";
  line += spans;
  if (!shard.ring.put(line)) shard.dropped.add(count);
}

TraceState TraceExporter::state() const {
  TraceState out;
  out.exported = exported_.load(std::memory_order_relaxed);
  out.dropped = refused_.load(std::memory_order_relaxed);
  for (const auto& shard : shards_) out.dropped += shard->dropped.get();
  return out;
}

// Moves the spans in the rings to the batch, and returns the number of spans in the batch.
size_t TraceExporter::gather() {
  for (const auto& shard : shards_) {
    shard->ring.take_all([this](std::string_view line) {
      size_t count = 0;
      const std::string_view spans = take_count(line, count);
      if (batch_.size() + spans.size() > kMaxInBatch) {
        refused_.fetch_add(count, std::memory_order_relaxed);
        return;
      }
      if (!batch_.empty()) batch_ += ',';
      batch_ += spans;
      batch_spans_ += count;
    });
  }
  return batch_spans_;
}

// Ends at once when the exporter is destroyed.
void TraceExporter::pause(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  stopped_.wait_for(lock, time, [this] { return stopping_.load(std::memory_order_relaxed); });
}

void TraceExporter::run() {
  std::string service;
  append_json_escaped(service, settings_.service);
  const std::string begin =
      R"({"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":")" +
      service +
      R"("}},{"key":"service.version","value":{"stringValue":")" PORTCULLIS_VERSION
      R"("}}]},"scopeSpans":[{"scope":{"name":"portcullis"},"spans":[)";
  int tries = 0;
  for (;;) {
    const bool last = stopping_.load(std::memory_order_acquire);
    // A refused batch waits for its next attempt, and accepts no further spans.
    if (tries == 0) gather();
    if (batch_spans_ > 0) {
      if (send(begin + batch_ + "]}]}]}")) {
        exported_.fetch_add(batch_spans_, std::memory_order_relaxed);
        tries = kMaxTries;
      } else if (++tries == kMaxTries || last) {
        refused_.fetch_add(batch_spans_, std::memory_order_relaxed);
        tries = kMaxTries;
      }
      if (tries == kMaxTries) {
        batch_.clear();
        batch_spans_ = 0;
        tries = 0;
      }
    }
    if (last) return;
    pause(kBetweenBatches * (1 << tries));
  }
}

// True when the collector has accepted the batch.
bool TraceExporter::send(const std::string& body) {
  const Result<CurlLibrary>& loaded = curl_library();
  if (!loaded) {
    collector_.failed(loaded.error().message);
    return false;
  }
  const CurlLibrary& curl = *loaded;
  CURL* easy = curl.easy_init();
  if (easy == nullptr) return false;
  curl_slist* headers = curl.slist_append(nullptr, "content-type: application/json");
  for (const auto& [name, value] : settings_.headers)
    headers = curl.slist_append(headers, (name + ": " + value).c_str());
  curl.easy_setopt(easy, CURLOPT_URL, settings_.endpoint.c_str());
  curl.easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl.easy_setopt(easy, CURLOPT_POSTFIELDS, body.c_str());
  curl.easy_setopt(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
  curl.easy_setopt(easy, CURLOPT_TIMEOUT_MS, stopping_.load(std::memory_order_relaxed) ? 1'000 : kPatience);
  curl.easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl.easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
  curl.easy_setopt(easy, CURLOPT_USERAGENT, "portcullis/" PORTCULLIS_VERSION);
  if (!settings_.ca.empty()) curl.easy_setopt(easy, CURLOPT_CAINFO, settings_.ca.c_str());
  const CURLcode result = curl.easy_perform(easy);
  long status = 0;
  curl.easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  curl.slist_free_all(headers);
  curl.easy_cleanup(easy);
  const bool taken = result == CURLE_OK && status >= 200 && status < 300;
  if (taken) {
    collector_.works();
  } else {
    collector_.failed(result != CURLE_OK ? curl.easy_strerror(result)
                                         : "it answers " + std::to_string(status));
  }
  return taken;
}

}  // namespace portcullis::telemetry
