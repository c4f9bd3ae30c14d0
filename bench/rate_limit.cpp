// Measures one local limit decision with a million live keys, chosen at random: hashing the key, finding its
// counter and charging it.
#include <benchmark/benchmark.h>
#include <sys/mman.h>

#include <atomic>
#include <charconv>
#include <cstring>
#include <random>
#include <string_view>

#include "limits/local_limits.h"

namespace {

using namespace portcullis;
using limits::Algorithm;
using limits::CounterKey;
using limits::CounterSpace;
using limits::Limit;
using limits::LocalLimits;

constexpr size_t kKeys = 1'000'000;

// The text of a key, created where it is used, as if a worker had just received it.
class Key {
 public:
  explicit Key(uint64_t number) {
    std::memcpy(text_, "consumer:name-", 14);
    end_ = std::to_chars(text_ + 14, text_ + sizeof text_, number).ptr;
  }
  std::string_view text() const { return {text_, static_cast<size_t>(end_ - text_)}; }

 private:
  char text_[40];
  char* end_;
};

struct Setup {
  LocalLimits engine{
      128 << 20};  // half of it for the space of unauthenticated keys, of which half for either algorithm
  uint64_t scope = engine.scope_of_limit("bench");

  CounterKey key(std::string_view text) const {
    return {CounterSpace::kStrangers, engine.hash_key(scope, text)};
  }

  explicit Setup(const Limit& limit) {
    for (size_t i = 0; i < kKeys; ++i) {
      const Key one(i);
      engine.charge(limit, key(one.text()), 1, Clock::now());
    }
  }
};

void decide(benchmark::State& state, const Limit& limit, Setup& setup) {
  std::mt19937_64 random(static_cast<uint64_t>(state.thread_index()));
  const Clock::time_point now = Clock::now();
  for (auto _ : state) {
    const Key key(random() % kKeys);
    benchmark::DoNotOptimize(setup.engine.charge(limit, setup.key(key.text()), 1, now));
  }
}

void token_bucket(benchmark::State& state) {
  static const Limit limit{Algorithm::kTokenBucket, 1'000'000, std::chrono::milliseconds(60'000), 1'000'000};
  static Setup setup(limit);
  decide(state, limit, setup);
}
BENCHMARK(token_bucket)->Threads(1)->Threads(2)->UseRealTime();

void sliding_window(benchmark::State& state) {
  static const Limit limit{Algorithm::kSlidingWindow, 1'000'000, std::chrono::milliseconds(3'600'000), 0};
  static Setup setup(limit);
  decide(state, limit, setup);
}
BENCHMARK(sliding_window)->Threads(1)->Threads(2)->UseRealTime();

// The floor: hashing the same keys, and one compare-and-swap at a random position in 32 MiB, the memory of a
// million counters. This measures the machine's memory.
void floor_memory(benchmark::State& state) {
  constexpr size_t kBytes = 32 << 20;
  static std::atomic<uint64_t>* const memory = [] {
    void* mapped = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ::madvise(mapped, kBytes, MADV_HUGEPAGE);
    std::memset(mapped, 0, kBytes);
    return static_cast<std::atomic<uint64_t>*>(mapped);
  }();
  static const crypto::KeyedHash hash;
  std::mt19937_64 random(static_cast<uint64_t>(state.thread_index()));
  for (auto _ : state) {
    std::atomic<uint64_t>& word = memory[hash(Key(random() % kKeys).text()) % (kBytes / sizeof(uint64_t))];
    uint64_t before = word.load(std::memory_order_acquire);
    while (!word.compare_exchange_weak(before, before + 1, std::memory_order_acq_rel)) {
    }
    benchmark::DoNotOptimize(before);
  }
}
BENCHMARK(floor_memory)->Threads(1)->Threads(2)->UseRealTime();

}  // namespace
