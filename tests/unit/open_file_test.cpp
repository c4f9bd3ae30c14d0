#include "cache/open_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <thread>

namespace portcullis {
namespace {

using cache::OpenFile;

constexpr size_t kSize = 3 << 20;

// A file without a name whose bytes are on the disk and in memory.
UniqueFd make_file() {
  std::string name = "/var/tmp/portcullis-XXXXXX";
  UniqueFd fd(::mkstemp(name.data()));
  ::unlink(name.c_str());
  const std::string text(kSize, 'x');
  EXPECT_EQ(::write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  ::fsync(fd.get());
  return fd;
}

// False on a file system that keeps its files in memory only.
bool can_forget(int fd) {
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  OpenFile other{UniqueFd(::dup(fd))};
  return !other.in_memory(0, 4096);
}

TEST(OpenFile, KnowsWhichBytesAreInMemory) {
  OpenFile file(make_file());
  EXPECT_TRUE(file.in_memory(0, 1));
  EXPECT_TRUE(file.in_memory(64 << 10, OpenFile::kMaxAsked));
  EXPECT_TRUE(file.in_memory(kSize - 100, 100));
  EXPECT_FALSE(file.in_memory(kSize - 100, 101)) << "behind the end";
  EXPECT_FALSE(file.in_memory(0, OpenFile::kMaxAsked + 1)) << "more than may be asked";
}

TEST(OpenFile, RemembersForAWhileWhatWasInMemory) {
  OpenFile file(make_file());
  ASSERT_TRUE(file.in_memory(4096, 8192));
  if (!can_forget(file.get())) GTEST_SKIP() << "the file system of /var/tmp is in memory";

  EXPECT_FALSE(file.in_memory(8192, 8192)) << "another range of the same part";
  EXPECT_FALSE(file.in_memory(4096, 12288)) << "a longer range";
  std::this_thread::sleep_for(OpenFile::kRemembered + std::chrono::milliseconds(1));
  EXPECT_FALSE(file.in_memory(4096, 8192)) << "the answer was too old";
}

TEST(OpenFile, GivesARememberedAnswerWithoutLookingAgain) {
  OpenFile file(make_file());
  // A slow machine may need more than kRemembered between the two calls, so this is tried more than once.
  for (int i = 0; i < 20; ++i) {
    char byte;
    for (size_t at = 0; at < kSize; at += 4096)
      ASSERT_EQ(::pread(file.get(), &byte, 1, static_cast<off_t>(at)), 1);
    ASSERT_TRUE(file.in_memory(0, 4096));
    ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
    if (file.in_memory(0, 4096)) return;
  }
  FAIL() << "no answer was remembered";
}

}  // namespace
}  // namespace portcullis
