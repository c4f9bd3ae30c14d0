#pragma once

#include <cstddef>

#include "policy/policy.h"
#include "proxy/snapshot.h"

namespace portcullis::proxy {

// The policies that govern one request: each sees the request in order, and those that have seen it see the
// response in reverse order.
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

  bool empty() const { return asked_ == 0; }
  // The next policy that is to see the request, or null.
  const PlacedPolicy* next();
  // Shows the response in the context to the policies that have not seen a response yet, until one of them
  // decides otherwise than to proceed; that decision is returned. Called again when a suspended decision was
  // to proceed, and when another response has taken the place of the one that was shown.
  policy::Decision respond();
  // The policy whose decision respond() has returned.
  const PlacedPolicy& last_asked() const { return governing_->policies[responding_]; }
  // Policies have seen a response; they see no other.
  bool has_responded() const { return responding_ < begun_; }
  // The response that the policies have seen has been dropped, and another one stands for it.
  void take_back();

  // The exchange is over: tells the policies that watch its end. Once, while the context is whole.
  void end();

 private:
  void mark_answer();

  policy::Context& context_;
  const Route* governing_ = nullptr;  // null until begin()
  size_t asked_ = 0;                  // how many policies are to see the request
  size_t first_ = 0;                  // of an errand: the policies before this one have no part in it
  size_t begun_ = 0;                  // how many policies have seen the request
  size_t responding_ = 0;             // how many of those are still to see the response
  bool is_marked_ = false;      // the policies that mark every answer, and were not reached, have marked it
  bool is_taken_back_ = false;  // see take_back()
};

}  // namespace portcullis::proxy
