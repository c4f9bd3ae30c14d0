#include "telemetry/log_ring.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace portcullis::telemetry {
namespace {

TEST(LogRing, RefusesALineWithoutRoomAndTakesItOnceThereIs) {
  LogRing ring(32);
  EXPECT_TRUE(ring.put("0123456789"));
  EXPECT_TRUE(ring.put("abcdefghij"));
  EXPECT_FALSE(ring.put("x"));
  std::vector<std::string> lines;
  EXPECT_EQ(ring.take_all([&](std::string_view line) { lines.emplace_back(line); }), 2u);
  EXPECT_EQ(lines, (std::vector<std::string>{"0123456789", "abcdefghij"}));
  EXPECT_TRUE(ring.put(std::string(28, 'y')));
  EXPECT_FALSE(ring.put(std::string(29, 'z')));
}

TEST(LogRing, KeepsEveryAcceptedLineWholeAndInOrderBetweenThreads) {
  LogRing ring(256);
  constexpr int kLines = 20'000;
  std::thread producer([&] {
    for (int i = 0; i < kLines;) {
      if (ring.put(std::to_string(i) + std::string(static_cast<size_t>(i % 40), '.'))) {
        ++i;
      } else {
        std::this_thread::yield();
      }
    }
  });
  for (int seen = 0; seen < kLines;) {
    const size_t taken = ring.take_all([&](std::string_view line) {
      EXPECT_EQ(line, std::to_string(seen) + std::string(static_cast<size_t>(seen % 40), '.'));
      ++seen;
    });
    if (taken == 0) std::this_thread::yield();
  }
  producer.join();
}

}  // namespace
}  // namespace portcullis::telemetry
