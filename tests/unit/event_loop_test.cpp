#include "runtime/event_loop.h"

#include <gtest/gtest.h>

#include <string>

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

TEST(EventLoopTest, MessagesFromOneThreadArriveInOrder) {
  EventLoop loop;
  std::string order;
  for (char c = 'a'; c <= 'e'; ++c) loop.post([&order, c] { order += c; });
  loop.run_once(Milliseconds(1000));
  EXPECT_EQ(order, "abcde");
}

}  // namespace
}  // namespace portcullis
