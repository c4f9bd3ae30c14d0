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

// A request on its way to the upstream, whose answer others wait for. Whoever began it says how it ended.
class Fetch {
 public:
  enum class Outcome : uint8_t {
    kPending,
    kStored,     // `entry` is what has come
    kNotShared,  // what has come is for one request only
    kFailed,     // nothing has come: `status` and `why` say what all are told
    kAbandoned,  // whoever asked has stopped asking
  };

  Outcome outcome() const { return outcome_.load(std::memory_order_acquire); }
  // Once it is kStored.
  const EntryPointer& entry() const { return entry_; }
  // Once it has kFailed.
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

  // The store's, under its shard's lock.
  std::string selecting_;  // whom it is for
  bool alone_ = false;     // nobody is to wait for it
  bool outdated_ = false;  // what it asks for has been purged since
  uint64_t purges_ = 0;    // by tag, when it began
};

}  // namespace portcullis::cache
