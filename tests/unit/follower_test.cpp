#include "control/cluster/follower.h"

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

namespace portcullis::control {
namespace {

// A node that serves `serves`, in a cluster whose newest revision is `newest`.
struct FollowingNode {
  FollowingNode() = default;

  Task<Status> follow() {
    tries.push_back(Clock::now());
    if (takes) serves = newest;
    co_return outcome;
  }
  // Runs the loop until the node has tried so often.
  void run_until_tried(size_t times) {
    const auto end = Clock::now() + std::chrono::seconds(20);
    while (tries.size() < times && Clock::now() < end) loop.run_once(Milliseconds(10));
    ASSERT_GE(tries.size(), times);
  }
  auto pause_before(size_t index) const { return tries.at(index) - tries.at(index - 1); }

  EventLoop loop;
  uint64_t serves = 1, newest = 1;
  bool has_newest = true, is_stale = false, takes = false;
  Status outcome{};
  std::vector<Clock::time_point> tries;
  Follower follower{loop,
                    {.revision = [this] { return serves; },
                     .newest = [this] { return newest; },
                     .has_newest = [this] { return has_newest; },
                     .is_stale = [this] { return is_stale; },
                     .follow = [this] { return follow(); },
                     .on_change = [] {}},
                    {.again = Milliseconds(5), .seldom = Milliseconds(160)}};
  TaskGroup tasks;
};

TEST(Follower, TriesARefusedRevisionEverMoreSeldomUntilThereIsNews) {
  FollowingNode node;
  node.newest = 2;
  node.tasks.spawn(node.follower.run());
  node.run_until_tried(8);
  EXPECT_GE(node.pause_before(5), Milliseconds(70));
  EXPECT_GE(node.pause_before(7), Milliseconds(150));
  EXPECT_EQ(node.follower.unread(), "");
  EXPECT_TRUE(node.follower.has_followed());
  // Another revision is tried at once.
  node.newest = 3;
  node.takes = true;
  node.follower.notify();
  node.run_until_tried(9);
  EXPECT_EQ(node.serves, 3U);
}

TEST(Follower, SaysWhatItCannotReadAndGivesUpOnlyAfterASecondTry) {
  FollowingNode node;
  node.newest = 2;
  node.outcome = Error{"the key file is another one"};
  node.tasks.spawn(node.follower.run());
  EXPECT_EQ(node.follower.unread(), "the key file is another one");
  EXPECT_EQ(node.follower.given_up(), 0U);
  EXPECT_FALSE(node.follower.has_followed());
  node.run_until_tried(2);
  EXPECT_EQ(node.follower.given_up(), 2U);
  node.outcome = Status();
  node.takes = true;
  node.run_until_tried(3);
  EXPECT_EQ(node.follower.unread(), "");
  EXPECT_EQ(node.follower.given_up(), 0U);
  EXPECT_TRUE(node.follower.has_followed());
}

TEST(Follower, FollowsAnotherRevisionOfTheSameNumber) {
  FollowingNode node;
  node.has_newest = false;
  node.tasks.spawn(node.follower.run());
  node.run_until_tried(1);
}

TEST(Follower, TriesNothingWhileEtcdDoesNotAnswer) {
  FollowingNode node;
  node.newest = 2;
  node.is_stale = true;
  node.tasks.spawn(node.follower.run());
  EXPECT_TRUE(node.tries.empty());
  EXPECT_FALSE(node.follower.has_followed());
  node.is_stale = false;
  node.follower.notify();
  node.run_until_tried(1);
}

}  // namespace
}  // namespace portcullis::control
