#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/random.h"
#include "upstream/target.h"

namespace portcullis::upstream {

// What the choice depends on besides the targets.
struct Wish {
  uint64_t tried = 0;  // targets to avoid, one bit each for the first 64
  uint64_t hash = 0;   // of the key for consistent hashing; random for a request without a key
};

// The targets that a balancer may choose from.
class Candidates {
 public:
  Candidates(std::span<Target* const> targets, uint64_t tried, bool admit_all)
      : targets_(targets), tried_(tried), admit_all_(admit_all) {}

  size_t size() const { return targets_.size(); }
  Target& operator[](size_t i) const { return *targets_[i]; }
  bool eligible(size_t i) const {
    const Target& target = *targets_[i];
    if (target.index < 64 && (tried_ >> target.index & 1)) return false;
    return target.available() || (admit_all_ && !target.drained());
  }

 private:
  std::span<Target* const> targets_;
  uint64_t tried_;
  bool admit_all_;
};

// Chooses one of several targets. A balancer belongs to one worker and one list of targets; a changed list
// gets a new balancer.
class Balancer {
 public:
  virtual ~Balancer() = default;
  // `candidates` must be the targets that the balancer was made for, in the same order. Null when no target
  // is eligible.
  virtual Target* pick(const Candidates& candidates, uint64_t hash, Random& random) = 0;
};

std::unique_ptr<Balancer> make_balancer(Balance kind, std::span<Target* const> targets);
// Chooses by a hash of the request's key, so that equal keys go to the same target on all nodes
// (hash_balancers.cpp).
std::unique_ptr<Balancer> make_ring_hash(std::span<Target* const> targets);
std::unique_ptr<Balancer> make_maglev(std::span<Target* const> targets);

}  // namespace portcullis::upstream
