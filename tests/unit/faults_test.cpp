#include "base/faults.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace portcullis {
namespace {

// The text that `block` writes to standard error.
template <typename Block>
std::string told_by(Block block) {
  testing::internal::CaptureStderr();
  block();
  return testing::internal::GetCapturedStderr();
}

size_t lines_of(const std::string& text) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST(Faults, HaveEachANameOfTheirOwn) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < kFaultKinds; ++i) names.insert(name_of(static_cast<Fault>(i)));
  EXPECT_EQ(names.size(), kFaultKinds);
  EXPECT_FALSE(names.contains(""));
}

TEST(Faults, AreAllCountedAndToldAtALimitedRate) {
  const uint64_t before = faults_counted(Fault::kDiscovery);
  const std::string told = told_by([] {
    for (int i = 0; i < 1'000; ++i) report_fault(Fault::kDiscovery, "a source is away");
  });
  EXPECT_EQ(faults_counted(Fault::kDiscovery), before + 1'000);
  EXPECT_GE(lines_of(told), 15u);
  EXPECT_LE(lines_of(told), 25u);
}

TEST(FaultState, TellsTheFirstFailureEachNewReasonAndTheRecovery) {
  FaultState server(Fault::kAuthService, "the service");
  const uint64_t before = faults_counted(Fault::kAuthService);
  EXPECT_EQ(told_by([&] { server.works(); }), "");
  EXPECT_EQ(told_by([&] {
              for (int i = 0; i < 10; ++i) server.failed("it is away");
            }),
            "portcullis: the service: it is away\n");
  EXPECT_EQ(told_by([&] { server.failed("it answers 500"); }), "portcullis: the service: it answers 500\n");
  EXPECT_EQ(told_by([&] {
              server.works();
              server.works();
            }),
            "portcullis: the service: works again\n");
  EXPECT_EQ(told_by([&] { server.failed("it answers 500"); }), "portcullis: the service: it answers 500\n");
  EXPECT_EQ(faults_counted(Fault::kAuthService), before + 12);
}

TEST(FaultState, IsToldOnceByManyThreads) {
  FaultState server(Fault::kTraceExport, "the collector");
  const std::string told = told_by([&] {
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i)
      threads.emplace_back([&] {
        for (int j = 0; j < 1'000; ++j) server.failed("it is away");
      });
    for (std::thread& one : threads) one.join();
  });
  EXPECT_EQ(told, "portcullis: the collector: it is away\n");
}

}  // namespace
}  // namespace portcullis
