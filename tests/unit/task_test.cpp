#include "runtime/task.h"

#include <gtest/gtest.h>

#include "runtime/event_loop.h"

namespace portcullis {
namespace {

Task<int> immediate(int value) {
  co_return value;
}

TEST(TaskTest, ALongLoopOfReadyTasksUsesConstantStack) {
  TaskGroup tasks;
  long total = 0;
  auto sum = [&]() -> Task<void> {
    for (int i = 0; i < 1'000'000; ++i) total += co_await immediate(1);
  };
  tasks.spawn(sum());
  EXPECT_EQ(total, 1'000'000);
}

TEST(TaskTest, JoinWaitsForEveryTaskAndTheWaiterMayDestroyTheGroup) {
  EventLoop loop;
  int ended = 0;
  bool joined = false;
  TaskGroup outer;
  auto parent = [&]() -> Task<void> {
    auto child = [&](Milliseconds delay) -> Task<void> {
      co_await sleep_for(loop, delay);
      ++ended;
    };
    {
      TaskGroup children;
      children.spawn(child(Milliseconds(1)));
      children.spawn(child(Milliseconds(5)));
      co_await children.join();
    }
    joined = true;
  };
  outer.spawn(parent());
  for (int i = 0; i < 100 && !joined; ++i) loop.run_once(Milliseconds(50));
  EXPECT_TRUE(joined);
  EXPECT_EQ(ended, 2);
}

}  // namespace
}  // namespace portcullis
