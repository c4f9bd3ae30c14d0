// Measures the time to find whether an address is in a set of 10, 1,000 and 100,000 blocks.
#include "runtime/ip_set.h"

#include <benchmark/benchmark.h>

#include <random>
#include <string>

namespace {

using portcullis::IpAddress;
using portcullis::IpRange;
using portcullis::IpSet;

// One block in three is IPv6; half of the tested addresses are in the set.
void contains(benchmark::State& state) {
  std::mt19937 random(1);
  std::vector<IpRange> ranges;
  std::vector<IpAddress> addresses;
  for (int64_t i = 0; i < state.range(0); ++i) {
    char text[64];
    if (i % 3 == 0) {
      std::snprintf(text, sizeof text, "2001:%x:%x::/48", static_cast<unsigned>(random() % 0xFFFF),
                    static_cast<unsigned>(random() % 0xFFFF));
    } else {
      std::snprintf(text, sizeof text, "%u.%u.%u.0/24", static_cast<unsigned>(1 + random() % 223),
                    static_cast<unsigned>(random() % 256), static_cast<unsigned>(random() % 256));
    }
    ranges.push_back(*IpRange::parse(text));
    IpAddress inside = ranges.back().first();
    if (random() % 2 == 0) inside.bytes[13] ^= 0x55;
    inside.bytes[15] = static_cast<uint8_t>(random());
    addresses.push_back(inside);
  }
  const IpSet set(ranges);
  size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(set.contains(addresses[next]));
    next = (next + 7919) % addresses.size();
  }
}
BENCHMARK(contains)->Arg(10)->Arg(1'000)->Arg(100'000);

}  // namespace
