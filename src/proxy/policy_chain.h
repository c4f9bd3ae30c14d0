#pragma once

#include <cstddef>

#include "policy/policy.h"
#include "proxy/snapshot.h"

namespace portcullis::proxy {

// The policies that govern one request. The policies see the request in order; the policies that have seen
// the request see the response in reverse order.
class PolicyChain {
 public:
  // `context` outlives this.
  explicit PolicyChain(policy::Context& context) : context_(context) {}
  PolicyChain(const PolicyChain&) = delete;
  PolicyChain& operator=(const PolicyChain&) = delete;

  // The first `count` policies of `route` see the request.
  void begin(const Route& route, size_t count) {
    governing_ = &route;
    asked_ = count;
  }
  // The request is an errand of the policy `sender`: the policies behind `sender` see it.
  void begin_behind(const Route& route, const void* sender);
  // No further policy sees the request.
  void skip_rest() {
    asked_ = begun_;
    is_marked_ = true;
  }

  bool empty() const { return asked_ == 0; }
  // The next policy that is to see the request, or null.
  const PlacedPolicy* next();
  // Shows the response in the context to the policies that have not seen a response yet, until the decision
  // of one of them is not kContinue; that decision is returned. Call this again when a suspended decision has
  // become kContinue, and when another response has replaced the one that was shown.
  policy::Decision respond();
  // The policy whose decision respond() has returned.
  const PlacedPolicy& last_asked() const { return governing_->policies[responding_]; }
  // True when policies have seen a response; these policies see no other response.
  bool has_responded() const { return responding_ < begun_; }
  // Call this when the response that the policies have seen is dropped and another response replaces it.
  void take_back();

  // Tells the policies that watch for it that the exchange has ended. Call this once, while the context is
  // valid.
  void end();

 private:
  void mark_answer();

  policy::Context& context_;
  const Route* governing_ = nullptr;  // null until begin()
  size_t asked_ = 0;                  // how many policies are to see the request
  size_t first_ = 0;        // for an errand: the policies before this index see neither request nor response
  size_t begun_ = 0;        // how many policies have seen the request
  size_t responding_ = 0;   // how many of those are still to see the response
  bool is_marked_ = false;  // the policies that mark every answer, and were not reached, have marked it
  bool is_taken_back_ = false;  // see take_back()
};

}  // namespace portcullis::proxy
