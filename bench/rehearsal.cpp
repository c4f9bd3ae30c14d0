// Measures a rehearsal of 10,000 recorded requests on two configurations of 1,000 routes, each route with an
// API key and a rate limit: compiling both, and running each request through both.
#include "control/rehearsal.h"

#include <benchmark/benchmark.h>

#include <cstring>
#include <string>

#include "control/load_config.h"

namespace {

using namespace portcullis;

constexpr size_t kRoutes = 1000;
constexpr size_t kRequests = 10'000;

std::shared_ptr<const config::Config> make_config(const std::string& upstream) {
  std::string text =
      "version: 1\nlisteners: [{name: main, address: \"127.0.0.1:9000\"}]\n"
      "upstreams: [{name: a, targets: [{address: \"127.0.0.1:9001\"}]}, {name: b, targets: [{address: "
      "\"127.0.0.1:9002\"}]}]\n"
      "consumers: [{name: shop, credentials: {keys: "
      "\"sha256:0c4eb3e985136132911dfa1239c894b702d9b71c6542fe70155635199a63865d\"}}]\nroutes:\n";
  for (size_t i = 0; i < kRoutes; ++i) {
    const std::string number = std::to_string(i);
    text += "  - {name: r" + number + ", match: {path_prefix: /r" + number +
            "}, policies: [key_auth: {}, rate_limit: {limits: [{limit: 5/s}]}], upstream: " +
            (i == 7 ? upstream : "a") + "}\n";
  }
  config::Diagnostics diagnostics;
  return std::make_shared<const config::Config>(
      std::move(*control::load_config_text(text, "bench.yaml", diagnostics)));
}

// The heads of requests that the consumer has sent to the routes in turn.
std::vector<proxy::RecordedHeads> make_heads() {
  using proxy::HeadLayout;
  using Reads = policy::RequestReads;
  Reads reads;
  reads.add_header("x-api-key", Reads::Use::kCredential);
  const proxy::Recording::Bounds bounds{kRequests, 16 << 20};
  const auto recording = std::make_shared<const proxy::Recording>(bounds, reads, std::vector<std::string>());
  proxy::HeadRing ring(bounds);
  for (size_t i = 0; i < kRequests; ++i) {
    const std::string path = "/r" + std::to_string(i % kRoutes) + "/orders";
    const std::string texts[HeadLayout::kTexts] = {"GET",       "bench.example",  path,   "page=2",
                                                   "192.0.2.7", "127.0.0.1:9000", "shop", ""};
    HeadLayout layout{};
    layout.time = static_cast<int64_t>(i) * 1'000'000;
    layout.withheld = layout.judged = 1;
    layout.flags = HeadLayout::kAuthenticated;
    std::string bytes;
    for (size_t text = 0; text < HeadLayout::kTexts; ++text) {
      layout.sizes[text] = static_cast<uint16_t>(texts[text].size());
      bytes += texts[text];
    }
    const size_t size = (sizeof layout + bytes.size() + proxy::HeadRing::kAlign - 1) /
                        proxy::HeadRing::kAlign * proxy::HeadRing::kAlign;
    layout.size = static_cast<uint32_t>(size);
    char* const place = ring.add(size, recording);
    std::memcpy(place, &layout, sizeof layout);
    std::memcpy(place + sizeof layout, bytes.data(), bytes.size());
  }
  return ring.copy();
}

void rehearse(benchmark::State& state) {
  const control::ComparedConfigs configs{make_config("a"), make_config("b")};
  const std::vector<proxy::RecordedHeads> heads = make_heads();
  for (auto _ : state) {
    const auto report = control::compare(configs, heads, std::stop_token());
    if (!report || report->changed() != kRequests / kRoutes) state.SkipWithError("the report is wrong");
  }
}
BENCHMARK(rehearse)->Unit(benchmark::kMillisecond);

}  // namespace
