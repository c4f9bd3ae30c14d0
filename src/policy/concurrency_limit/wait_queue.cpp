#include "policy/concurrency_limit/wait_queue.h"

#include <iterator>

namespace portcullis::policy::concurrency_limit {

bool WaitQueue::Waiter::await_suspend(std::coroutine_handle<> handle) {
  handle_ = handle;
  queue_.add(*this);
  // A request that left on another worker before this one was registered as waiting has sent no wake-up, so
  // the gate is tried once more.
  if (gate_.try_enter()) {
    outcome_ = Outcome::kEntered;
    withdraw();
    return false;
  }
  queue_.loop_.arm(*this, patience_);
  return true;
}

void WaitQueue::Waiter::fire() {
  withdraw();
  handle_.resume();
}

void WaitQueue::Waiter::withdraw() {
  Timer::unlink();
  if (queued_) queue_.remove(*this);
}

void WaitQueue::add(Waiter& waiter) {
  Line& line = lines_[&waiter.gate_];
  auto known = line.by_name.find(waiter.flow_);
  if (known == line.by_name.end()) {
    line.flows.emplace_back();
    const auto flow = std::prev(line.flows.end());
    flow->name = waiter.flow_;
    known = line.by_name.emplace(flow->name, flow).first;
  }
  waiter.place_ = known->second;
  waiter.place_->waiters.push_back(waiter);
  waiter.queued_ = true;
  waiter.gate_.waiting.fetch_add(1);
  waiter.gate_.waiting_workers.fetch_or(waiter.worker_bit_);
}

void WaitQueue::remove(Waiter& waiter) {
  waiter.ListNode<Waiter>::unlink();
  waiter.queued_ = false;
  waiter.gate_.waiting.fetch_sub(1);
  if (!waiter.place_->waiters.empty()) return;
  const auto line = lines_.find(&waiter.gate_);
  line->second.by_name.erase(waiter.place_->name);
  line->second.flows.erase(waiter.place_);
  if (!line->second.flows.empty()) return;
  lines_.erase(line);
  waiter.gate_.waiting_workers.fetch_and(~waiter.worker_bit_);
}

// Takes the first waiter of the first flow; that flow then goes to the end of the line.
WaitQueue::Waiter* WaitQueue::next(const limits::Gate& gate) {
  const auto line = lines_.find(&gate);
  if (line == lines_.end()) return nullptr;
  std::list<Flow>& flows = line->second.flows;
  Waiter& waiter = flows.front().waiters.front();
  flows.splice(flows.end(), flows, flows.begin());
  return &waiter;
}

bool WaitQueue::wake(limits::Gate& gate) {
  bool let_in = false;
  for (; has_waiters(gate) && gate.try_enter(); let_in = true) {
    Waiter* waiter = next(gate);
    waiter->outcome_ = Outcome::kEntered;
    waiter->withdraw();
    waiter->handle_.resume();
  }
  return let_in;
}

}  // namespace portcullis::policy::concurrency_limit
