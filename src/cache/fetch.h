#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "cache/entry.h"
#include "runtime/signal.h"
#include "telemetry/end_reason.h"

namespace portcullis::cache {

// A request to the upstream whose response other requests may wait for. The exchange that began it reports
// how it ended.
class Fetch {
 public:
  enum class Outcome : uint8_t {
    kPending,
    kStored,     // `entry` is the stored response
    kNotShared,  // the response is for a single request only
    kFailed,     // there is no response: all waiting requests get `status` and `why`
    kAbandoned,  // the exchange that began the fetch has ended
  };

  Outcome outcome() const { return outcome_.load(std::memory_order_acquire); }
  // Valid with kStored.
  const EntryPointer& entry() const { return entry_; }
  // Valid with kFailed.
  uint16_t status() const { return status_; }
  const telemetry::EndReason& why() const { return *why_; }

  uint64_t version() const { return ended_.version(); }
  Signal::Waiter wait(EventLoop& loop, uint64_t seen, Milliseconds timeout) {
    return ended_.wait(loop, seen, timeout);
  }

 private:
  friend class Store;
  void end(Outcome outcome) {
    outcome_.store(outcome, std::memory_order_release);
    ended_.notify();
  }

  std::atomic<Outcome> outcome_{Outcome::kPending};
  EntryPointer entry_;
  uint16_t status_ = 0;
  const telemetry::EndReason* why_ = nullptr;
  Signal ended_;

  // Used by the store, under the shard's lock.
  std::string selecting_;  // values of the request's selecting fields
  bool alone_ = false;     // no other request may wait for this fetch
  bool outdated_ = false;  // the requested response has been purged since the fetch began
  uint64_t purges_ = 0;    // number of purges by tag when the fetch began
};

}  // namespace portcullis::cache
