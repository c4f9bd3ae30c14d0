#include <algorithm>
#include <numeric>

#include "upstream/balancer.h"

namespace portcullis::upstream {
namespace {

// Consistent hashing (Karger et al., 1997): each target has points on a ring in proportion to its weight, and
// a key belongs to the next point. When a target is added or removed, only its own keys move. While a target
// is unavailable, its keys go to the points that follow its own points, which belong to all other targets.
class RingHash final : public Balancer {
 public:
  explicit RingHash(std::span<Target* const> targets) {
    uint64_t unit = 0;
    for (const Target* target : targets) unit = std::gcd(unit, uint64_t{target->definition().weight});
    unit = std::max<uint64_t>(unit, 1);
    const auto times = [unit](const Target& target) {
      return std::min<uint64_t>(target.definition().weight / unit, kMaxTimes);
    };
    uint64_t all = 0;
    for (const Target* target : targets) all += times(*target);
    // The number of points per target is reduced for many targets, so the ring's size is bounded.
    const uint64_t points = std::clamp<uint64_t>(kMaxPoints / std::max<uint64_t>(all, 1), 16, kPoints);
    for (size_t i = 0; i < targets.size(); ++i) {
      for (uint64_t point = 0; point < times(*targets[i]) * points; ++point)
        ring_.push_back({place_of(targets[i]->id(), point), static_cast<uint32_t>(i)});
    }
    std::sort(ring_.begin(), ring_.end(), [](const Point& a, const Point& b) { return a.at < b.at; });
  }

  Target* pick(const Candidates& candidates, uint64_t hash, Random&) override {
    const auto begin = std::lower_bound(ring_.begin(), ring_.end(), hash,
                                        [](const Point& one, uint64_t at) { return one.at < at; });
    const auto first = static_cast<size_t>(begin - ring_.begin());
    for (size_t steps = 0; steps < ring_.size(); ++steps) {
      const size_t i = ring_[(first + steps) % ring_.size()].target;
      if (candidates.eligible(i)) return &candidates[i];
    }
    return nullptr;
  }

 private:
  // Two multiplications, because after one of them neighbouring points would lie at even distances.
  static uint64_t place_of(uint64_t id, uint64_t point) {
    return hash_mix(hash_mix(id, point), 0x8EBC6AF09C88C6E3ull);
  }

  static constexpr uint64_t kPoints = 256;  // of the lightest target; shares deviate by about a sixteenth
  static constexpr uint64_t kMaxTimes = 64;
  static constexpr uint64_t kMaxPoints = 1 << 16;
  struct Point {
    uint64_t at;
    uint32_t target;
  };
  std::vector<Point> ring_;
};

// Maglev hashing (Eisenbud et al., "Maglev: a fast and reliable software network load balancer", 2016,
// section 3.4): a table of prime size in which targets take turns to fill their preferred slots. A choice is
// one table look-up, shares are even to within a few per thousand, and adding or removing a target moves few
// keys besides its own.
class Maglev final : public Balancer {
 public:
  explicit Maglev(std::span<Target* const> targets) : table_(kSize, kNobody) {
    struct Filler {
      uint64_t id;
      uint32_t target;
      uint64_t offset, skip, next;
      double weight, turns;
    };
    std::vector<Filler> fillers;
    uint32_t heaviest = 0;
    for (const Target* target : targets) heaviest = std::max(heaviest, target->definition().weight);
    for (size_t i = 0; i < targets.size(); ++i) {
      const uint64_t id = targets[i]->id();
      fillers.push_back({id, static_cast<uint32_t>(i), id % kSize, hash_mix(id, kSize) % (kSize - 1) + 1, 0,
                         static_cast<double>(targets[i]->definition().weight) / heaviest, 0});
    }
    // Sorted, so that nodes that learn about the targets in a different order fill the same table.
    std::sort(fillers.begin(), fillers.end(), [](const Filler& a, const Filler& b) { return a.id < b.id; });
    for (size_t filled = 0; filled < kSize && !fillers.empty();) {
      for (Filler& one : fillers) {
        if (filled == kSize) break;
        // The heaviest target has a turn in each round, the others in proportion to their weight.
        one.turns += one.weight;
        if (one.turns < 1) continue;
        one.turns -= 1;
        uint64_t place;
        do {
          place = (one.offset + one.skip * one.next++) % kSize;
        } while (table_[place] != kNobody);
        table_[place] = one.target;
        ++filled;
      }
    }
  }

  Target* pick(const Candidates& candidates, uint64_t hash, Random&) override {
    // The keys of an unavailable target are spread over all others.
    for (int tries = 0; tries < 16; ++tries, hash = hash_mix(hash, 0x2545F4914F6CDD1Dull)) {
      const size_t i = table_[hash % kSize];
      if (i < candidates.size() && candidates.eligible(i)) return &candidates[i];
    }
    for (size_t steps = 0; steps < candidates.size(); ++steps) {
      const size_t i = (hash + steps) % candidates.size();
      if (candidates.eligible(i)) return &candidates[i];
    }
    return nullptr;
  }

 private:
  static constexpr uint64_t kSize = 65'537;
  static constexpr uint32_t kNobody = UINT32_MAX;
  std::vector<uint32_t> table_;
};

}  // namespace

std::unique_ptr<Balancer> make_ring_hash(std::span<Target* const> targets) {
  return std::make_unique<RingHash>(targets);
}

std::unique_ptr<Balancer> make_maglev(std::span<Target* const> targets) {
  return std::make_unique<Maglev>(targets);
}

}  // namespace portcullis::upstream
