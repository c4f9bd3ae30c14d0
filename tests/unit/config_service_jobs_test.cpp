// Jobs in the queue of a ConfigService, between its reloads.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "config_in_memory.h"
#include "control/config_service.h"

namespace portcullis::control {
namespace {

class ConfigServiceJobs : public ::testing::Test {
 protected:
  ConfigServiceJobs()
      : service_(loop_, std::make_unique<MemoryOrigin>(loop_), target_,
                 std::make_unique<NotingObserver>(notes_)) {}

  // Asks for a job that waits at the gate; the outcome of the wait comes into outcomes_.
  void ask(const std::string& name) {
    struct Life {
      static Task<void> work(ConfigServiceJobs& test, std::string name) {
        test.begun_.push_back(name);
        Task<void> passing = test.gate_.pass();
        co_await passing;
        test.ended_.push_back(name);
      }
      static Task<void> wait(ConfigServiceJobs& test, std::string name) {
        Task<bool> running = test.service_.run([&test, name] { return work(test, name); });
        test.outcomes_.push_back(co_await running);
      }
    };
    tasks_.spawn(Life::wait(*this, name));
  }
  template <typename Condition>
  void run_until(Condition condition) {
    for (int rounds = 0; !condition(); ++rounds) {
      ASSERT_LT(rounds, 1'000) << "what is waited for does not come";
      loop_.run_once(Milliseconds(100));
    }
  }

  EventLoop loop_;
  ScalarTarget target_{loop_};
  Gate gate_{loop_};
  Lines notes_, begun_, ended_;
  std::vector<bool> outcomes_;
  ConfigService service_;
  TaskGroup tasks_;
};

TEST_F(ConfigServiceJobs, RunOneAfterTheOther) {
  gate_.close();
  ask("first");
  ask("second");
  EXPECT_EQ(begun_, Lines{});  // the queue is not open yet
  service_.open();
  EXPECT_EQ(begun_, Lines{"first"});
  gate_.open();
  run_until([this] { return outcomes_.size() == 2; });
  EXPECT_EQ(ended_, (Lines{"first", "second"}));
  EXPECT_EQ(outcomes_, (std::vector<bool>{true, true}));
}

TEST_F(ConfigServiceJobs, ThatHaveNotEndedWhenTheGatewayDrainsAreToldSo) {
  service_.open();
  gate_.close();
  ask("running");
  ask("waiting");
  service_.stop();
  ask("late");
  run_until([this] { return outcomes_.size() == 3; });
  EXPECT_EQ(outcomes_, (std::vector<bool>{false, false, false}));
  EXPECT_EQ(begun_, Lines{"running"});
  EXPECT_EQ(ended_, Lines{});
}

TEST_F(ConfigServiceJobs, GoOnWhenTheCallerHasLeft) {
  service_.open();
  gate_.close();
  ask("running");
  tasks_.clear();
  gate_.open();
  run_until([this] { return !ended_.empty(); });
  EXPECT_EQ(outcomes_.size(), 0U);
}

}  // namespace
}  // namespace portcullis::control
