#include "runtime/side_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>

#include "../support/run_task.h"

namespace portcullis {
namespace {

// A pool with one thread, which is busy until release() is called.
class SidePoolTest : public ::testing::Test {
 protected:
  ~SidePoolTest() override {
    release();
    pool_.stop();
  }
  void occupy() {
    std::promise<void> begun;
    ASSERT_NE(pool_.submit([&begun, until = busy_.get_future().share()] {
      begun.set_value();
      until.wait();
    }),
              0u);
    begun.get_future().wait();
  }
  void release() {
    if (!std::exchange(released_, true)) busy_.set_value();
  }
  // The result of the job.
  std::optional<int> outcome(PoolJob<int>& job) {
    struct Wait {
      static Task<std::optional<int>> run(PoolJob<int>& its_job) { co_return co_await its_job; }
    };
    return tests::run_to_end(loop_, Wait::run(job));
  }

  EventLoop loop_;
  SidePool pool_{1, 1};
  std::promise<void> busy_;
  bool released_ = false;
};

TEST_F(SidePoolTest, YieldsWhatTheWorkReturns) {
  PoolJob<int> job(pool_, loop_);
  ASSERT_TRUE(job.submit([](const std::stop_token& stop) { return stop.stop_requested() ? 1 : 2; }));
  EXPECT_EQ(outcome(job), 2);
  std::function<int()> work = [] { return 3; };
  EXPECT_EQ(tests::run_to_end(loop_, pool_.run(loop_, work)), 3);
}

TEST_F(SidePoolTest, WorkThatIsGivenUpBeforeItBeginsIsDroppedAtOnce) {
  occupy();
  const auto owned = std::make_shared<std::atomic<int>>(0);
  const auto work = [owned](const std::stop_token&) { return ++*owned; };
  PoolJob<int> job(pool_, loop_);
  ASSERT_TRUE(job.submit(work));
  EXPECT_EQ(owned.use_count(), 3);
  job.give_up();
  EXPECT_EQ(owned.use_count(), 2);
  EXPECT_EQ(outcome(job), std::nullopt);
  {
    PoolJob<int> destroyed(pool_, loop_);
    ASSERT_TRUE(destroyed.submit(work));  // there is space again
  }
  EXPECT_EQ(owned.use_count(), 2);
  release();
  pool_.stop();
  EXPECT_EQ(*owned, 0);
}

TEST_F(SidePoolTest, WorkInHandIsToldThatItIsNotWantedAnyMore) {
  std::promise<void> begun;
  PoolJob<int> job(pool_, loop_);
  ASSERT_TRUE(job.submit([&begun](const std::stop_token& stop) {
    begun.set_value();
    while (!stop.stop_requested()) std::this_thread::yield();
    return 1;
  }));
  begun.get_future().wait();
  job.give_up();
  EXPECT_EQ(outcome(job), std::nullopt);
}

TEST_F(SidePoolTest, KeepsRoomForThoseWhoHaveBegun) {
  occupy();
  const auto work = [](const std::stop_token&) { return 4; };
  PoolJob<int> waiting(pool_, loop_), refused(pool_, loop_), kept(pool_, loop_);
  EXPECT_TRUE(waiting.submit(work));
  EXPECT_FALSE(refused.submit(work));
  EXPECT_TRUE(kept.submit(work, SidePool::Room::kKept));
  release();
  EXPECT_EQ(outcome(waiting), 4);
  EXPECT_EQ(outcome(kept), 4);
}

}  // namespace
}  // namespace portcullis
