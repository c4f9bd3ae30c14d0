#include "upstream/breaker.h"

#include <algorithm>

#include "upstream/connection_queue.h"

namespace portcullis::upstream {

std::optional<Breaker::Slot> Breaker::take(Load load, const BreakerLimits& limits) {
  const uint32_t most = limits.of(load);
  if (most == 0 && load != Load::kPending) return Slot();
  std::atomic<uint32_t>& in_use = count(load).in_use;
  // Whoever waits for a connection and whoever gives one back must not miss each other: these two counts are
  // seen by all in one order, and are never, not for a moment, more than there is.
  uint32_t known = in_use.load(std::memory_order_seq_cst);
  while (most == 0 || known < most) {
    if (in_use.compare_exchange_weak(known, known + 1, std::memory_order_seq_cst)) return Slot(*this, load);
  }
  if (load != Load::kConnections) note_refused(load);  // else he may wait
  return std::nullopt;
}

void Breaker::give_back(Load load) {
  count(load).in_use.fetch_sub(1, std::memory_order_seq_cst);
  if (load == Load::kConnections && count(Load::kPending).in_use.load(std::memory_order_seq_cst) > 0)
    wake_one(nullptr);
}

void Breaker::wake_one(const ConnectionQueue* except) {
  const std::lock_guard lock(mutex_);
  for (size_t i = 0; i < queues_.size(); ++i) {
    ConnectionQueue& queue = *queues_[next_++ % queues_.size()];
    if (&queue == except || queue.waiting() == 0) continue;
    queue.post_freed();
    return;
  }
}

void Breaker::join(ConnectionQueue& queue) {
  const std::lock_guard lock(mutex_);
  queues_.push_back(&queue);
}

void Breaker::leave(ConnectionQueue& queue) {
  const std::lock_guard lock(mutex_);
  std::erase(queues_, &queue);
}

void Breaker::ask_others_for_idle(const ConnectionQueue& asking) {
  const std::lock_guard lock(mutex_);
  for (ConnectionQueue* queue : queues_) {
    if (queue != &asking) queue->post_close_idle();
  }
}

}  // namespace portcullis::upstream
