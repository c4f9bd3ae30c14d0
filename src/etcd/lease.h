#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

#include "etcd/client.h"
#include "runtime/task.h"

namespace portcullis::etcd {

// A lease that keeps itself alive, and takes a new one when it is lost. On the loop's thread.
class Lease {
 public:
  // `held` is called with the number of each lease that was granted, and `lost` when it is over, or may be
  // over because etcd has not answered for its time. Neither may destroy the lease.
  struct Listener {
    std::function<void(uint64_t lease)> held{};
    std::function<void()> lost{};
  };

  // Begins at once; the client must outlive the lease. Destroying it lets the lease end by itself. `renewal`
  // is how often it is kept alive.
  Lease(Client& client, std::chrono::seconds time_to_live, Milliseconds renewal, Listener listener);
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  // 0 while there is none.
  uint64_t id() const { return Clock::now() < valid_until_ ? id_ : 0; }
  // Ends the lease and removes its keys. No new one is taken.
  Task<Status> give_back();

 private:
  Task<void> run();
  Task<void> keep_alive();

  Client& client_;
  const std::chrono::seconds time_to_live_;
  const Milliseconds renewal_;
  const Listener listener_;
  uint64_t id_ = 0;
  // Counted from when the last request was sent that prolonged the lease, so etcd never ends it earlier.
  Clock::time_point valid_until_{};
  TaskGroup tasks_;
};

}  // namespace portcullis::etcd
