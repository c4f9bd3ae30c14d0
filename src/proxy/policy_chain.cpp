#include "proxy/policy_chain.h"

#include <utility>

namespace portcullis::proxy {

void PolicyChain::end() {
  if (begun_ == 0 || !governing_->watches_end) return;
  for (size_t i = first_; i < begun_; ++i) {
    if (governing_->policies[i]->watches_end()) governing_->policies[i]->on_end(context_);
  }
}

void PolicyChain::begin_behind(const Route& route, const void* sender) {
  begin(route, route.policies.size());
  while (first_ < asked_ && route.policies[first_].policy.get() != sender) ++first_;
  responding_ = begun_ = first_ + 1;
}

const PlacedPolicy* PolicyChain::next() {
  if (begun_ >= asked_) return nullptr;
  const PlacedPolicy& one = governing_->policies[begun_];
  responding_ = ++begun_;
  return &one;
}

policy::Decision PolicyChain::respond() {
  if (governing_ == nullptr) return policy::Decision::proceed();  // no policy has seen a request
  if (governing_->marks_answers) mark_answer();
  while (responding_ > first_) {
    policy::Decision decision = governing_->policies[--responding_]->on_response(context_);
    if (decision.kind != policy::Decision::Kind::kContinue) return decision;
  }
  return policy::Decision::proceed();
}

// Shows the response to the policies that mark every answer and that respond() does not call: policies that
// have not seen the request, and policies that have seen a response that was dropped.
void PolicyChain::mark_answer() {
  if (std::exchange(is_marked_, true)) return;
  for (size_t i = governing_->policies.size(); i > (is_taken_back_ ? responding_ : begun_); --i) {
    const policy::Policy& one = *governing_->policies[i - 1].policy;
    if (one.marks_every_answer()) (void)one.on_response(context_);
  }
}

void PolicyChain::take_back() {
  is_marked_ = false;
  is_taken_back_ = true;
}

}  // namespace portcullis::proxy
