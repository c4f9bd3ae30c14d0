#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "crypto/jwk.h"
#include "runtime/signal.h"

namespace portcullis::identity {

// The keys of an issuer at one moment. Immutable.
struct KeySet {
  std::vector<crypto::NamedVerifier> keys;
};

// Provides an issuer's keys: a fixed set, or one that is fetched again from time to time. While the set is
// unchanged, workers read it without a lock.
class KeySource {
 public:
  KeySource() = default;
  explicit KeySource(std::vector<crypto::NamedVerifier> keys) { publish(std::move(keys)); }
  virtual ~KeySource() = default;
  KeySource(const KeySource&) = delete;
  KeySource& operator=(const KeySource&) = delete;

  // Changes whenever the set of keys changes; 0 before there are keys. Any thread.
  uint64_t version() const { return version_.load(std::memory_order_acquire); }
  // The current keys; null before there are any. Any thread. Takes a lock, so keep the result until version()
  // changes.
  std::shared_ptr<const KeySet> keys() const;

  // Requests a new set, because a token's key is not in the set or does not match the key with its name. Does
  // nothing when a set was requested a moment ago. True when a fetch is in progress, so that waiting for the
  // new set makes sense. Any thread.
  virtual bool refresh() { return false; }
  // True while the keys are being fetched. Any thread.
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
