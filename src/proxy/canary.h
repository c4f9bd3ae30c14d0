#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "crypto/digest.h"
#include "policy/limit_key.h"
#include "proxy/canary_rules.h"
#include "proxy/worker_snapshot.h"

namespace portcullis::proxy {

// Decides which exchanges the canary serves: those whose key has a hash within the share. The hash is seeded
// with the number of the canary's revision, so it is the same on all workers and nodes and after a restart,
// and does not depend on how other canaries and splits divide the same keys. Immutable; any thread.
class CanaryChoice {
 public:
  // `rules.by` must have passed the check of config::canary_type().
  CanaryChoice(uint64_t revision, const CanaryRules& rules);

  // True when the exchange with this key is the canary's. An exchange without a key never is.
  bool takes(std::string_view key) const;
  // The key of an exchange; the view is valid as long as the exchange. When needs_base(), the context must be
  // that of an exchange for which knows() is true.
  // A caller that no policy has authenticated has no key that reads its consumer.
  std::string_view key_of(policy::Context& context) const {
    return reads_consumer_ && !context.caller.authenticated ? std::string_view() : key_.text_of(context);
  }
  // True when the key reads something that only the routes and policies of the revision in force tell: the
  // caller, or the route.
  bool needs_base() const { return needs_base_; }
  // True when the policies that have seen the request have told all that the key reads of the caller.
  bool knows(const identity::Caller& caller) const {
    return !(reads_consumer_ && caller.consumer == nullptr) && !(reads_claims_ && caller.claims == nullptr);
  }

 private:
  crypto::KeyedHash hash_;
  uint32_t of_10_000_;
  policy::LimitKey key_;
  bool needs_base_ = false;
  bool reads_consumer_ = false;
  bool reads_claims_ = false;
};

// The canary of one worker, on the worker's thread. Immutable.
struct WorkerCanary {
  std::shared_ptr<WorkerSnapshot> snapshot;
  std::shared_ptr<const CanaryChoice> choice;
};

}  // namespace portcullis::proxy
