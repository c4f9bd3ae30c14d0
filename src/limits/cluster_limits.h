#pragma once

#include <coroutine>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "limits/local_limits.h"
#include "redis/client.h"
#include "runtime/wait_list.h"

namespace portcullis::limits {

// One charge of a cluster-wide limit: the limit and the key of its counter.
struct ClusterCharge {
  Limit limit;
  std::string key;  // the key on the Redis server; see cluster_key()
};

// The key on the Redis server for one key of one limit; equal on all nodes. A Redis Cluster has the keys of
// one group on one node, as charge() needs for several limits; "" is no group, and spreads the keys over the
// nodes.
std::string cluster_key(std::string_view limit, std::string_view key, std::string_view group = "");
// The group of all limits that are charged together with `limit`.
std::string cluster_group(std::string_view limit);

// Limits that all nodes share through a Redis server. A script on the server decides, using the server's
// clock, so nodes need not agree on the time. One object per worker, on the worker's thread.
class ClusterLimits {
 public:
  explicit ClusterLimits(redis::Client& client) : client_(client) {}

  // Takes `cost` from all limits, or from none of them; returns one verdict per limit. Empty when the server
  // did not answer.
  Task<std::optional<std::vector<Verdict>>> charge(std::vector<ClusterCharge> charges, uint64_t cost);
  // Returns what charge() would return, without taking anything.
  Task<std::optional<std::vector<Verdict>>> look(std::vector<ClusterCharge> charges, uint64_t cost);
  // Takes `cost` even beyond the limit, without waiting for the answer.
  void force(const ClusterCharge& charge, uint64_t cost);

  // Takes `cost` from the tokens that this worker has leased of one limit. Empty when the lease is used up
  // and lease() must be called. `running_low` is set when refill() should be called, so that no request will
  // have to wait.
  std::optional<Verdict> take(uint64_t hash, uint64_t cost, Clock::time_point now, bool& running_low);
  // Returns what take() would return, without taking anything.
  std::optional<Verdict> peek(uint64_t hash, uint64_t cost, Clock::time_point now) const;
  // Leases more tokens in advance, without waiting for the answer.
  void refill(ClusterCharge charge, uint64_t hash, uint64_t batch);
  // Leases at most `batch` more tokens, and takes `cost`. Concurrent calls for one key share one question to
  // the server.
  Task<std::optional<Verdict>> lease(ClusterCharge charge, uint64_t hash, uint64_t cost, uint64_t batch);
  // Returns the tokens that take() or lease() took.
  void give_back(uint64_t hash, uint64_t cost);

 private:
  // The tokens of one key that this worker may spend without asking the server. The size follows the demand:
  // it doubles when a lease is used up early, and shrinks to the used part when a lease expires.
  struct Lease {
    uint64_t hash = 0;
    uint64_t tokens = 0;
    uint64_t size = 1;
    uint64_t remaining = 0;  // on the server, at its last answer
    Clock::time_point good_until{};
    Clock::time_point refused_until{};
    Clock::time_point full_at{};
    Clock::time_point used{};
    bool asking = false;
  };
  struct Granted {
    uint64_t amount;
    Verdict verdict;
  };

  Lease& lease_of(uint64_t hash, Clock::time_point now);
  Task<std::optional<std::vector<Verdict>>> run(const char* mode, std::vector<ClusterCharge> charges,
                                                uint64_t cost);
  Lease* find(uint64_t hash);
  const Lease* find(uint64_t hash) const;
  Verdict verdict_of(const Lease& lease, bool allowed, Clock::time_point now) const;
  Task<std::optional<Granted>> ask_for(ClusterCharge charge, uint64_t max, uint64_t min);
  struct Question;
  Task<void> ask_and_note(ClusterCharge charge, uint64_t hash, uint64_t max, uint64_t min,
                          std::shared_ptr<Question> question);
  static void note(Lease& lease, const Limit& limit, const Granted& granted, uint64_t wanted,
                   Clock::time_point now);
  Task<void> send_force(ClusterCharge charge, uint64_t cost);

  static constexpr size_t kWays = 8;
  static constexpr size_t kSets = 4096;

  redis::Client& client_;
  std::vector<Lease> leases_ = std::vector<Lease>(kWays * kSets);
  // Requests that wait until the question about a lease is answered, by the lease's hash. A waiting request
  // shares its list.
  std::unordered_map<uint64_t, std::shared_ptr<WaitList>> waiting_;
  TaskGroup tasks_;
};

}  // namespace portcullis::limits
