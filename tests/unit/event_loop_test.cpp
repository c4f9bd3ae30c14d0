#include "runtime/event_loop.h"

#include <gtest/gtest.h>

namespace portcullis {
namespace {

TEST(EventLoop, RunsAgainAfterItHasBeenStopped) {
  EventLoop loop;
  for (int round = 1; round <= 3; ++round) {
    int messages = 0;
    loop.post([&] {
      ++messages;
      loop.stop();
    });
    loop.run();
    EXPECT_EQ(messages, 1) << round;
  }
}

TEST(EventLoop, FollowsAStopThatCameBeforeItRan) {
  EventLoop loop;
  loop.stop();
  loop.run();
}

}  // namespace
}  // namespace portcullis
