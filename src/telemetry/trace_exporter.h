#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/faults.h"
#include "base/text.h"
#include "telemetry/log_ring.h"
#include "telemetry/metrics.h"
#include "telemetry/trace_collector.h"

namespace portcullis::telemetry {

// Sends the spans of all workers to a collector, in batches, by OTLP over HTTP in JSON, on a thread of its
// own. Memory is bounded: spans that do not fit into their worker's ring, and batches that the collector has
// not accepted after a few attempts, are dropped and counted.
class TraceExporter {
 public:
  using Settings = TraceCollector;

  TraceExporter(Settings settings, size_t workers);
  // Sends the remaining spans, with a single attempt.
  ~TraceExporter();

  // Adds the spans of one request, JSON objects joined by commas. `index` is the calling worker.
  void add(size_t index, std::string_view spans, size_t count);

  TraceState state() const;

 private:
  struct Shard {
    LogRing ring{kRingBytes};
    Counter dropped;
  };

  void run();
  size_t gather();
  bool send(const std::string& body);
  void pause(std::chrono::milliseconds time);

  static constexpr size_t kRingBytes = 1 << 20;
  static constexpr size_t kMaxInBatch = 512 << 10;  // bytes
  static constexpr int kMaxTries = 3;

  const Settings settings_;
  std::vector<std::unique_ptr<Shard>> shards_;
  FaultState collector_{Fault::kTraceExport,
                        "the collector of traces, " + without_secrets(settings_.endpoint)};
  std::string batch_;
  size_t batch_spans_ = 0;
  std::mutex mutex_;
  std::condition_variable stopped_;  // notified when stopping_ becomes true
  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> exported_{0};
  std::atomic<uint64_t> refused_{0};
  std::thread thread_;
};

}  // namespace portcullis::telemetry
