#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/random.h"
#include "upstream/target.h"

namespace portcullis::upstream {

// What a choice depends on besides the targets.
struct Wish {
  uint64_t tried = 0;  // targets to be avoided, a bit each, the first 64
  uint64_t hash =
      0;  // of the key that consistent hashing goes by; another one for each request without a key
};

// Whom a balancer may choose from.
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

// How one of several targets is chosen. Of one worker's, for one list of targets; a list that changes gets a
// new one.
class Balancer {
 public:
  virtual ~Balancer() = default;
  // `candidates` are the targets that it was made for, in the same order. Null when none is eligible.
  virtual Target* pick(const Candidates& candidates, uint64_t hash, Random& random) = 0;
};

std::unique_ptr<Balancer> make_balancer(Balance kind, std::span<Target* const> targets);
// By what the request is about, so that the same key finds the same target on all nodes (hash_balancers.cpp).
std::unique_ptr<Balancer> make_ring_hash(std::span<Target* const> targets);
std::unique_ptr<Balancer> make_maglev(std::span<Target* const> targets);

}  // namespace portcullis::upstream
