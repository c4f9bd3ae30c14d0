#include "upstream/connection_queue.h"

namespace portcullis::upstream {

ConnectionQueue::ConnectionQueue(EventLoop& loop, std::shared_ptr<Breaker> breaker,
                                 const BreakerLimits& limits, std::function<bool()> close_idle)
    : loop_(loop),
      breaker_(std::move(breaker)),
      limits_(limits),
      close_idle_(std::move(close_idle)),
      waiters_(loop),
      random_(hash_mix(reinterpret_cast<uintptr_t>(this), 1)),
      address_(std::make_shared<Address>(Address{this})) {
  breaker_->join(*this);
}

ConnectionQueue::~ConnectionQueue() {
  breaker_->leave(*this);
  address_->queue = nullptr;
}

std::optional<Breaker::Slot> ConnectionQueue::take() {
  for (;;) {
    auto slot = breaker_->take(Load::kConnections, limits_);
    // An idle connection to another target may occupy the place: close it and try again.
    if (slot || !close_idle_()) return slot;
  }
}

std::unique_ptr<ConnectionQueue::Place> ConnectionQueue::enter() {
  auto slot = breaker_->take(Load::kPending, limits_);
  if (!slot) return nullptr;
  breaker_->ask_others_for_idle(*this);
  return std::make_unique<Place>(*this, std::move(*slot));
}

bool ConnectionQueue::owes_others() {
  const uint32_t own = waiting(), all = breaker_->in_use(Load::kPending);
  return all > own && random_.below(all) >= own;
}

void ConnectionQueue::post_freed() {
  loop_.post([address = address_] {
    ConnectionQueue* const queue = address->queue;
    if (queue == nullptr) return;
    // The requests that waited here have obtained connections otherwise, so the place goes to another worker.
    queue->waiters_.empty() ? queue->breaker_->wake_one(queue) : queue->freed();
  });
}

void ConnectionQueue::post_close_idle() {
  loop_.post([address = address_] {
    if (address->queue != nullptr) address->queue->close_idle_();
  });
}

}  // namespace portcullis::upstream
