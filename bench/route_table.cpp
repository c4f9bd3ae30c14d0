// Measures one match with 10, 1,000 and 100,000 routes: a mix of exact, parameter and prefix routes, with
// requests chosen at random among all of them. And the floor: one access to memory at a random place.
#include "routing/route_table.h"

#include <benchmark/benchmark.h>
#include <sys/mman.h>

#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace {

using portcullis::routing::Match;
using portcullis::routing::RouteRule;
using portcullis::routing::RouteTable;

// So many that the lines of the table which they need do not stay in the first caches. They are in one piece
// of memory, in the order of their use, so that the processor has each request at hand, as if a worker had
// just received it.
constexpr size_t kRequests = 1 << 17;
struct Request {
  uint32_t size;
  char path[60];
};

RouteRule rule(Match match) {
  return {std::make_shared<const Match>(std::move(match))};
}

void match(benchmark::State& state) {
  const auto count = static_cast<size_t>(state.range(0));
  std::vector<RouteRule> rules;
  std::vector<std::string> paths;
  for (size_t i = 0; i < count; ++i) {
    const std::string service = "/v1/service-" + std::to_string(i);
    switch (i % 3) {
      case 0:
        rules.push_back(rule({{}, service + "/status", "", {}}));
        paths.push_back(service + "/status");
        break;
      case 1:
        rules.push_back(rule({{}, service + "/items/{id}", "", {"GET"}}));
        paths.push_back(service + "/items/12345");
        break;
      default:
        rules.push_back(rule({{}, "", service, {}}));
        paths.push_back(service + "/some/file");
        break;
    }
  }
  const RouteTable table(rules);
  std::mt19937 random(1);
  std::vector<Request> requests(kRequests);
  for (Request& one : requests) {
    const std::string& path = paths[random() % paths.size()];
    one.size = static_cast<uint32_t>(path.copy(one.path, sizeof one.path));
  }
  size_t next = 0;
  for (auto _ : state) {
    const Request& one = requests[next];
    benchmark::DoNotOptimize(table.match({"api.example.com", {one.path, one.size}, "GET"}));
    next = (next + 1) % kRequests;
  }
}

BENCHMARK(match)->Arg(10)->Arg(1000)->Arg(100'000);

// Each place of the memory names the next place, in one cycle through all cache lines, so an access can begin
// only when the one before has ended. The memory is too large for the caches, on huge pages.
void floor_memory(benchmark::State& state) {
  constexpr size_t kLines = (512 << 20) / 64;
  struct Line {
    size_t next;
    char rest[56];
  };
  void* const mapped = ::mmap(nullptr, kLines * sizeof(Line), PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) return state.SkipWithError("no memory");
  ::madvise(mapped, kLines * sizeof(Line), MADV_HUGEPAGE);
  auto* const lines = static_cast<Line*>(mapped);
  for (size_t i = 0; i < kLines; ++i) lines[i].next = i;
  std::mt19937_64 random(1);
  for (size_t i = kLines - 1; i > 0; --i) std::swap(lines[i].next, lines[random() % i].next);  // Sattolo's
  size_t at = 0;
  for (auto _ : state) {
    at = lines[at].next;
    benchmark::DoNotOptimize(at);
  }
  ::munmap(mapped, kLines * sizeof(Line));
}

BENCHMARK(floor_memory);

}  // namespace
