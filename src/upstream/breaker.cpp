#include "upstream/breaker.h"

#include <algorithm>

#include "upstream/connection_queue.h"

namespace portcullis::upstream {

std::optional<Breaker::Slot> Breaker::take(Load load, const BreakerLimits& limits) {
  const uint32_t max = limits.of(load);
  if (max == 0 && load != Load::kPending) return Slot();
  std::atomic<uint32_t>& in_use = count(load).in_use;
  // A request that starts waiting and a connection that is returned must not miss each other. Therefore these
  // two counts are sequentially consistent, and never exceed the real numbers, not even temporarily.
  uint32_t known = in_use.load(std::memory_order_seq_cst);
  while (max == 0 || known < max) {
    if (in_use.compare_exchange_weak(known, known + 1, std::memory_order_seq_cst)) return Slot(*this, load);
  }
  if (load != Load::kConnections) note_refused(load);  // for connections the request may wait instead
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
