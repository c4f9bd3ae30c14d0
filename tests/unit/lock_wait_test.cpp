// The wait for a lock that another open file has.
#include "runtime/lock_wait.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdlib>
#include <future>
#include <string>

namespace portcullis {
namespace {

class LockWaitTest : public ::testing::Test {
 protected:
  LockWaitTest() : other_(::mkstemp(path_.data())), file_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC)) {
    EXPECT_EQ(::flock(other_.get(), LOCK_EX), 0);
  }
  ~LockWaitTest() override { ::unlink(path_.c_str()); }

  bool is_locked_for_others() const { return ::flock(other_.get(), LOCK_EX | LOCK_NB) != 0; }

  std::string path_ = "/tmp/portcullis-lock-XXXXXX";
  UniqueFd other_;
  UniqueFd file_;
};

TEST_F(LockWaitTest, TakesAFreeLockAtOnce) {
  ASSERT_EQ(::flock(other_.get(), LOCK_UN), 0);
  LockWait lock(file_);
  EXPECT_TRUE(lock.try_take());
  EXPECT_TRUE(is_locked_for_others());
}

TEST_F(LockWaitTest, TakesTheLockWhenTheOtherProcessHasReleasedIt) {
  {
    LockWait lock(file_);
    EXPECT_FALSE(lock.try_take());
    lock.begin();
    std::future<bool> taken = std::async(std::launch::async, [&lock] { return lock.wait(); });
    EXPECT_EQ(::flock(other_.get(), LOCK_UN), 0);
    EXPECT_TRUE(taken.get());
  }
  EXPECT_TRUE(is_locked_for_others());  // the lock belongs to the file, not to the wait
  file_.reset();
  EXPECT_FALSE(is_locked_for_others());
}

TEST_F(LockWaitTest, EndsWhenItIsGivenUpAndReleasesALockThatComesLater) {
  {
    LockWait lock(file_);
    lock.begin();
    std::future<bool> taken = std::async(std::launch::async, [&lock] { return lock.wait(); });
    lock.give_up();
    EXPECT_FALSE(taken.get());
  }
  EXPECT_EQ(::flock(other_.get(), LOCK_UN), 0);
  EXPECT_EQ(::flock(other_.get(), LOCK_EX), 0);  // waits until the thread that stayed behind has released it
}

TEST_F(LockWaitTest, EndsAfterItsMaxTime) {
  LockWait lock(file_);
  lock.begin();
  EXPECT_FALSE(lock.wait(std::chrono::milliseconds(1)));
}

TEST_F(LockWaitTest, EndsWhenTheFileCannotBeLocked) {
  LockWait lock{UniqueFd()};
  EXPECT_FALSE(lock.try_take());
  lock.begin();
  EXPECT_FALSE(lock.wait());
}

}  // namespace
}  // namespace portcullis
