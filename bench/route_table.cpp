// Measures one match with 10, 1,000 and 100,000 routes: a mix of exact, parameter and prefix routes, with
// requests chosen at random among all of them.
#include "routing/route_table.h"

#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

namespace {

using portcullis::routing::RouteRule;
using portcullis::routing::RouteTable;

void match(benchmark::State& state) {
  const auto count = static_cast<size_t>(state.range(0));
  std::vector<RouteRule> rules;
  std::vector<std::string> paths;
  for (size_t i = 0; i < count; ++i) {
    const std::string service = "/v1/service-" + std::to_string(i);
    switch (i % 3) {
      case 0:
        rules.push_back({{}, service + "/status", "", {}});
        paths.push_back(service + "/status");
        break;
      case 1:
        rules.push_back({{}, service + "/items/{id}", "", {"GET"}});
        paths.push_back(service + "/items/12345");
        break;
      default:
        rules.push_back({{}, "", service, {}});
        paths.push_back(service + "/some/file");
        break;
    }
  }
  const RouteTable table(rules);
  std::mt19937 random(1);
  std::vector<std::string> requests;
  for (int i = 0; i < 4096; ++i) requests.push_back(paths[random() % paths.size()]);
  size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(table.match({"api.example.com", requests[next], "GET"}));
    next = (next + 1) % requests.size();
  }
}

BENCHMARK(match)->Arg(10)->Arg(1000)->Arg(100'000);

}  // namespace
