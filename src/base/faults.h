#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "base/enum_names.h"
#include "base/say.h"

namespace portcullis {

// The kinds of faults that can occur while the process serves. Every occurrence is counted (the metric
// portcullis_faults_total), whether or not it is logged; docs/logs.md lists the kinds.
enum class Fault : uint8_t {
  kAccept,            // a connection could not be accepted
  kAccessLog,         // lines of the access log could not be written
  kAuditLog,          // lines of the audit log could not be written
  kAuthService,       // an authentication service that a policy asks gave no answer
  kCacheDisk,         // a cached object was damaged, or could not be written to disk
  kCertificate,       // a certificate, its key or its OCSP response could not be used
  kDiscovery,         // a discovery source gave no list of targets, or an invalid target
  kFileWatch,         // the gateway is not notified of changes of files
  kHealthCheck,       // a target did not pass a check
  kKeySet,            // a key set could not be fetched or read
  kNameLookup,        // a host name could not be resolved
  kOverload,          // memory, file descriptors or a worker's event loop lag exceed a limit
  kQuotaStore,        // the counts of quotas could not be stored
  kRedisRefused,      // the Redis server answered a command with an error
  kRedisUnavailable,  // a connection to the Redis server failed, or was lost
  kTargetEjected,     // a target was ejected
  kTraceExport,       // the trace collector did not accept a batch
};
constexpr auto names_of(Fault) {
  return std::to_array<EnumName<Fault>>({{Fault::kAccept, "accept"},
                                         {Fault::kAccessLog, "access_log"},
                                         {Fault::kAuditLog, "audit_log"},
                                         {Fault::kAuthService, "auth_service"},
                                         {Fault::kCacheDisk, "cache_disk"},
                                         {Fault::kCertificate, "certificate"},
                                         {Fault::kDiscovery, "discovery"},
                                         {Fault::kFileWatch, "file_watch"},
                                         {Fault::kHealthCheck, "health_check"},
                                         {Fault::kKeySet, "key_set"},
                                         {Fault::kNameLookup, "name_lookup"},
                                         {Fault::kOverload, "overload"},
                                         {Fault::kQuotaStore, "quota_store"},
                                         {Fault::kRedisRefused, "redis_refused"},
                                         {Fault::kRedisUnavailable, "redis_unavailable"},
                                         {Fault::kTargetEjected, "target_ejected"},
                                         {Fault::kTraceExport, "trace_export"}});
}
inline constexpr size_t kFaultKinds = names_of(Fault{}).size();

// Counts one fault without logging it. Any thread; takes no lock.
void count_fault(Fault kind);
uint64_t faults_counted(Fault kind);

// Logs a fault of `kind`, or with Level::kInfo the end of one, without counting it. For each kind twenty
// messages are logged at once and then at most one in three seconds, so that an outage does not fill the log;
// the next logged message says how many were suppressed. Any thread.
void tell_fault(Fault kind, Level level, const std::string& message);
// Counts a fault of `kind` and logs it as a warning. Any thread.
void report_fault(Fault kind, const std::string& message);
// A Say that passes each of its messages to tell_fault() with `kind`.
Say told_as(Fault kind);

// Logs the state of one thing that works or fails, such as all workers' connections to one Redis server.
// Every failure is counted. A failure is logged when it is the first, when its reason differs from the last
// one, or when five minutes have passed since the last message. Recovery is logged once. Any thread; a call
// that logs nothing takes no lock.
class FaultState {
 public:
  // `subject` begins each message: "Redis 127.0.0.1:6379".
  FaultState(Fault kind, std::string subject) : kind_(kind), subject_(std::move(subject)) {}

  // Reports a failure. The message is the subject, a colon and `reason`.
  void failed(std::string_view reason);
  void works() {
    if (failing_.load(std::memory_order_relaxed)) recover();
  }

 private:
  void recover();

  const Fault kind_;
  const std::string subject_;
  std::atomic<bool> failing_{false};
  std::atomic<uint64_t> told_{0};        // hash of the reason that was logged last
  std::atomic<int64_t> quiet_until_{0};  // in seconds, by the steady clock
  std::atomic<uint64_t> untold_{0};      // failures since the last message
  std::mutex mutex_;                     // guards the decision to log
};

}  // namespace portcullis
