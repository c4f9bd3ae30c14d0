#include "policy/services.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace portcullis::policy {
namespace {

std::vector<std::string> calls;

template <int kNumber>
class Recorder : public Engine {
 public:
  explicit Recorder(const EngineContext&) { note("start"); }
  ~Recorder() override { note("end"); }
  void settle() override { note("settle"); }
  void stop() override { note("stop"); }

 private:
  static void note(const char* what) { calls.push_back(std::string(what) + " " + std::to_string(kNumber)); }
};

// Starts another engine that it needs.
class Needy final : public Engine {
 public:
  explicit Needy(const EngineContext& context) { context.services.get<Recorder<1>>(); }
};

class Kept final : public Engine {
 public:
  struct Settings {
    int size = 7;
  };
  Kept(const EngineContext& context, const Settings& settings)
      : size(settings.size), workers(context.workers) {}
  const int size;
  const size_t workers;
};

class ServicesTest : public ::testing::Test {
 protected:
  void SetUp() override { calls.clear(); }
  EventLoop loop;
  telemetry::MetricSet metrics{3};
  std::unique_ptr<Services> services = std::make_unique<Services>(3, loop, metrics);
};

using Calls = std::vector<std::string>;

TEST_F(ServicesTest, AnEngineStartsWhenItIsFirstAskedFor) {
  EXPECT_EQ(calls, Calls{});
  Recorder<1>& first = services->get<Recorder<1>>();
  EXPECT_EQ(&services->get<Recorder<1>>(), &first);
  EXPECT_EQ(calls, Calls{"start 1"});
}

TEST_F(ServicesTest, EnginesStopInTheOrderOfTheirStartAndEndInReverse) {
  services->get<Recorder<1>>();
  services->get<Recorder<2>>();
  services->settle();
  services->stop();
  services.reset();
  EXPECT_EQ(calls,
            (Calls{"start 1", "start 2", "settle 1", "settle 2", "stop 1", "stop 2", "end 2", "end 1"}));
}

TEST_F(ServicesTest, AnEngineMayStartAnother) {
  services->get<Needy>();
  services->get<Recorder<2>>();
  services->stop();
  EXPECT_EQ(calls, (Calls{"start 1", "start 2", "stop 1", "stop 2"}));
}

TEST_F(ServicesTest, AnEngineWithoutReloadKeepsTheSettingsOfItsStart) {
  EXPECT_EQ(services->get<Kept>({.size = 3}).size, 3);
  EXPECT_EQ(services->get<Kept>({.size = 4}).size, 3);
  EXPECT_EQ(services->get<Kept>().size, 3);
  EXPECT_EQ(services->get<Kept>().workers, 3u);
}

TEST_F(ServicesTest, AnEngineStartsWithDefaultSettingsWhenNoneAreGiven) {
  EXPECT_EQ(services->get<Kept>().size, 7);
}

}  // namespace
}  // namespace portcullis::policy
