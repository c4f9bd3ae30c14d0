#include "etcd/lease.h"

#include <utility>

#include "client/backoff.h"

namespace portcullis::etcd {

Lease::Lease(Client& client, std::chrono::seconds time_to_live, Milliseconds renewal, Listener listener)
    : client_(client), time_to_live_(time_to_live), renewal_(renewal), listener_(std::move(listener)) {
  tasks_.spawn(run());
}

Task<void> Lease::run() {
  // So that the owner is complete before it is called.
  co_await sleep_for(client_.loop(), Milliseconds(0));
  client::Backoff backoff(Milliseconds(2'000));
  for (;;) {
    const auto sent = Clock::now();
    const Result<uint64_t> granted = co_await client_.grant_lease(time_to_live_);
    if (!granted) {
      const Milliseconds pause = backoff.next();
      co_await sleep_for(client_.loop(), pause);
      continue;
    }
    backoff.reset();
    id_ = *granted;
    valid_until_ = sent + time_to_live_;
    if (listener_.held) listener_.held(id_);
    co_await keep_alive();
    id_ = 0;
    if (listener_.lost) listener_.lost();
  }
}

Task<void> Lease::keep_alive() {
  constexpr Milliseconds kAgain{500};
  Milliseconds pause = renewal_;
  while (Clock::now() < valid_until_) {
    co_await sleep_for(client_.loop(), pause);
    const auto sent = Clock::now();
    const Result<std::chrono::seconds> left = co_await client_.keep_lease_alive(id_);
    if (left && left->count() == 0) co_return;
    if (left) valid_until_ = sent + *left;
    pause = left ? renewal_ : kAgain;
  }
}

Task<Status> Lease::give_back() {
  tasks_.clear();
  const uint64_t lease = std::exchange(id_, 0);
  if (lease == 0) co_return Status();
  co_return co_await client_.revoke_lease(lease);
}

}  // namespace portcullis::etcd
