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

// One limit and key to charge, in a cluster.
struct ClusterCharge {
  Limit limit;
  std::string key;  // of the server; see cluster_key()
};

// The server's key for one key of one limit: the same on every node.
std::string cluster_key(std::string_view limit, std::string_view key);

// Limits that all nodes share through a Redis server: a script on the server decides by its own clock, so
// nodes need not agree on the time. One for each worker, on its thread.
class ClusterLimits {
 public:
  explicit ClusterLimits(redis::Client& client) : client_(client) {}

  // Takes `cost` from all of them, or from none; a verdict for each. Nothing when the server did not answer.
  Task<std::optional<std::vector<Verdict>>> charge(std::vector<ClusterCharge> charges, uint64_t cost);
  // What charge() would say, and takes nothing.
  Task<std::optional<std::vector<Verdict>>> look(std::vector<ClusterCharge> charges, uint64_t cost);
  // Takes `cost` whatever the limit says, and waits for nobody.
  void force(const ClusterCharge& charge, uint64_t cost);

  // Takes `cost` from what this worker has leased of one limit. Nothing: the server has to be asked by
  // lease(). `running_low` tells that refill() should be called, so that nobody will have to wait.
  std::optional<Verdict> take(uint64_t hash, uint64_t cost, Clock::time_point now, bool& running_low);
  // What take() would say, and takes nothing.
  std::optional<Verdict> peek(uint64_t hash, uint64_t cost, Clock::time_point now) const;
  // Leases more ahead of need, and waits for nobody.
  void refill(ClusterCharge charge, uint64_t hash, uint64_t batch);
  // Leases more, at most `batch`, and takes `cost`. Those who ask for one key at once wait for one answer.
  Task<std::optional<Verdict>> lease(ClusterCharge charge, uint64_t hash, uint64_t cost, uint64_t batch);
  // Gives back what take() or lease() took.
  void give_back(uint64_t hash, uint64_t cost);

 private:
  // What this worker may spend of one key without asking. The size follows the demand: doubled when a lease
  // is used up before its time, as large as its use when it is not.
  struct Lease {
    uint64_t hash = 0;
    uint64_t tokens = 0;
    uint64_t size = 1;
    uint64_t remaining = 0;  // on the server, when it was asked last
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
  Task<std::optional<Granted>> ask_for(ClusterCharge charge, uint64_t most, uint64_t least);
  struct Question;
  Task<void> ask_and_note(ClusterCharge charge, uint64_t hash, uint64_t most, uint64_t least,
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
