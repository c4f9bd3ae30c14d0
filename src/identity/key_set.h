#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "crypto/jwk.h"
#include "runtime/signal.h"

namespace portcullis::identity {

// An issuer's keys as they were at some moment. Immutable.
struct KeySet {
  std::vector<crypto::NamedVerifier> keys;
};

// Where an issuer's keys are found: a fixed set, or one that is fetched again from time to time. Read by the
// workers without a lock while it does not change.
class KeySource {
 public:
  KeySource() = default;
  explicit KeySource(std::vector<crypto::NamedVerifier> keys) { publish(std::move(keys)); }
  virtual ~KeySource() = default;
  KeySource(const KeySource&) = delete;
  KeySource& operator=(const KeySource&) = delete;

  // Differs from what was returned before when other keys are there now; 0: none yet. Any thread.
  uint64_t version() const { return version_.load(std::memory_order_acquire); }
  // The keys; null when there are none yet. Any thread; takes a lock, so keep it until version() changes.
  std::shared_ptr<const KeySet> keys() const;

  // A token's key is not in the set, or is another than the one of that name in the set: asks for a new set,
  // unless that was done a moment ago. True when one is on its way, so that it is worth to wait for. Any
  // thread.
  virtual bool refresh() { return false; }
  // Still being fetched for the first time, or again. Any thread.
  virtual bool fetching() const { return false; }
  // Notified when a fetch has ended, well or not. Any thread; this object outlives those who wait.
  Signal& fetched() { return fetched_; }

 protected:
  void publish(std::vector<crypto::NamedVerifier> keys);
  void withdraw();

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const KeySet> keys_;
  std::atomic<uint64_t> version_{0};
  uint64_t published_ = 0;
  Signal fetched_;
};

}  // namespace portcullis::identity
