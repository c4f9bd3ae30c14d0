#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "base/say.h"

namespace portcullis {

// What can go wrong while the process serves, by kind. Each occurrence is counted (the metric
// portcullis_faults_total), whether or not it is told; docs/logs.md lists the kinds.
enum class Fault : uint8_t {
  kAccept,            // a connection could not be accepted
  kAccessLog,         // lines of the access log could not be written
  kAuditLog,          // the same of the audit log
  kAuthService,       // a service that policies ask about callers gave no answer
  kCacheDisk,         // an object of the cache was damaged, or could not be written
  kCertificate,       // a certificate, its key or its OCSP response could not be used
  kDiscovery,         // a source of targets gave no list, or a wrong target
  kFileWatch,         // changes of files are not noticed
  kHealthCheck,       // a target did not pass a check
  kKeySet,            // a key set could not be fetched or read
  kNameLookup,        // a host name could not be resolved
  kOverload,          // memory, descriptors or a worker's lag are beyond a limit
  kQuotaStore,        // the counts of quotas could not be stored
  kRedisRefused,      // the Redis server answered a command with an error
  kRedisUnavailable,  // a connection to the Redis server failed, or was lost
  kTargetEjected,     // a target was ejected
  kTraceExport,       // the collector of traces did not take a batch
};
inline constexpr size_t kFaultKinds = static_cast<size_t>(Fault::kTraceExport) + 1;
std::string_view name_of(Fault kind);  // "redis_refused"

// Counts one, without a word. Any thread; takes no lock.
void count_fault(Fault kind);
uint64_t faults_counted(Fault kind);

// Tells of a fault of that kind, or that it is over (Level::kInfo). Of a kind twenty messages are told at
// once, and after that one in three seconds: an outage does not fill the log. How many were left out is told
// with the next. Any thread.
void tell_fault(Fault kind, Level level, const std::string& message);
// Counts and tells it, as a warning.
void report_fault(Fault kind, const std::string& message);
// Tells what goes there as faults of that kind.
Say told_as(Fault kind);

// Something that works or does not, as the connections of all workers to one server. Every failure is
// counted, but told only when it is the first, when its reason is another one, or five minutes after it was
// told last; that it works again is told once. Any thread; a call that tells nothing takes no lock.
class FaultState {
 public:
  // `subject` begins each message: "Redis 127.0.0.1:6379".
  FaultState(Fault kind, std::string subject) : kind_(kind), subject_(std::move(subject)) {}

  // `reason`, which follows the subject and a colon.
  void failed(std::string_view reason);
  void works() {
    if (failing_.load(std::memory_order_relaxed)) recover();
  }

 private:
  void recover();

  const Fault kind_;
  const std::string subject_;
  std::atomic<bool> failing_{false};
  std::atomic<uint64_t> told_{0};        // the reason's hash
  std::atomic<int64_t> quiet_until_{0};  // in seconds, by the steady clock
  std::atomic<uint64_t> untold_{0};      // failures since it was told last
  std::mutex mutex_;                     // of what is told
};

}  // namespace portcullis
