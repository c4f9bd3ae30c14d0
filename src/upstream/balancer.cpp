#include "upstream/balancer.h"

namespace portcullis::upstream {
namespace {

// Smooth weighted round robin (nginx): over sum(weights) picks, each target gets its weight, spread evenly.
class RoundRobin final : public Balancer {
 public:
  explicit RoundRobin(size_t targets) : credit_(targets) {}

  Target* pick(const Candidates& candidates, uint64_t, Random&) override {
    size_t best = SIZE_MAX;
    int64_t total = 0;
    for (size_t i = 0; i < candidates.size(); ++i) {
      if (!candidates.eligible(i)) continue;
      const auto share = static_cast<int64_t>(candidates[i].share());
      credit_[i] += share;
      total += share;
      if (best == SIZE_MAX || credit_[i] > credit_[best]) best = i;
    }
    if (best == SIZE_MAX) return nullptr;
    credit_[best] -= total;
    return &candidates[best];
  }

 private:
  std::vector<int64_t> credit_;
};

class RandomChoice final : public Balancer {
 public:
  Target* pick(const Candidates& candidates, uint64_t, Random& random) override {
    uint64_t total = 0;
    for (size_t i = 0; i < candidates.size(); ++i)
      total += candidates.eligible(i) ? candidates[i].share() : 0;
    if (total == 0) return nullptr;
    uint64_t at = random.below(total);
    for (size_t i = 0; i < candidates.size(); ++i) {
      if (!candidates.eligible(i)) continue;
      if (at < candidates[i].share()) return &candidates[i];
      at -= candidates[i].share();
    }
    return nullptr;  // unreachable: the shares add up to the total
  }
};

// The better of two random choices (Mitzenmacher, "The power of two choices", 2001).
class TwoChoices : public Balancer {
 public:
  Target* pick(const Candidates& candidates, uint64_t, Random& random) override {
    Target* const first = draw(candidates, nullptr, random);
    if (first == nullptr) return nullptr;
    Target* const second = draw(candidates, first, random);
    return second != nullptr && better(*second, *first) ? second : first;
  }

 protected:
  virtual bool better(const Target& one, const Target& other) const = 0;

 private:
  // Draws one of the eligible targets with equal probability, but not `not_this`.
  static Target* draw(const Candidates& candidates, const Target* not_this, Random& random) {
    const auto fits = [&](size_t i) { return candidates.eligible(i) && &candidates[i] != not_this; };
    // Most targets are eligible most of the time, so a few random tries usually succeed.
    for (int tries = 0; tries < 4; ++tries) {
      const size_t i = random.below(candidates.size());
      if (fits(i)) return &candidates[i];
    }
    size_t count = 0;
    for (size_t i = 0; i < candidates.size(); ++i) count += fits(i);
    if (count == 0) return nullptr;
    size_t at = random.below(count);
    for (size_t i = 0; i < candidates.size(); ++i) {
      if (fits(i) && at-- == 0) return &candidates[i];
    }
    return nullptr;
  }
};

// Chooses the target with fewer requests in flight, relative to its weight.
class LeastRequest final : public TwoChoices {
  bool better(const Target& one, const Target& other) const override {
    return (one.in_flight + uint64_t{1}) * other.share() < (other.in_flight + uint64_t{1}) * one.share();
  }
};

// Chooses by latency and requests in flight.
class PeakEwma final : public TwoChoices {
  bool better(const Target& one, const Target& other) const override { return one.cost() < other.cost(); }
};

}  // namespace

std::unique_ptr<Balancer> make_balancer(Balance kind, std::span<Target* const> targets) {
  switch (kind) {
    case Balance::kRoundRobin: return std::make_unique<RoundRobin>(targets.size());
    case Balance::kLeastRequest: return std::make_unique<LeastRequest>();
    case Balance::kRandom: return std::make_unique<RandomChoice>();
    case Balance::kPeakEwma: return std::make_unique<PeakEwma>();
    case Balance::kRingHash: return make_ring_hash(targets);
    case Balance::kMaglev: return make_maglev(targets);
  }
  return nullptr;
}

}  // namespace portcullis::upstream
