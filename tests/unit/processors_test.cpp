#include "runtime/processors.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace portcullis {
namespace {

class Processors : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/portcullis-processors-XXXXXX";
    root_ = ::mkdtemp(name);
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }

  std::string root_;
};

TEST_F(Processors, AreTheCoresWithoutAQuota) {
  EXPECT_EQ(usable_processors(4, "0::/\n", root_), 4);
  write("/cpu.max", "max 100000\n");
  EXPECT_EQ(usable_processors(4, "0::/\n", root_), 4);
  EXPECT_EQ(usable_processors(0, "", "/nowhere"), 1);
}

TEST_F(Processors, AreWhatTheQuotaOfAContainerAllows) {
  write("/cpu.max", "150000 100000\n");
  EXPECT_EQ(usable_processors(4, "0::/\n", root_), 1.5);
  EXPECT_EQ(usable_processors(1, "0::/\n", root_), 1);
  EXPECT_EQ(usable_processors(4, "0::/machine/path/that/is/not/here\n", root_), 1.5);
}

TEST_F(Processors, AreWhatTheGroupsAboveAllowToo) {
  write("/system.slice/portcullis.service/cpu.max", "300000 100000\n");
  EXPECT_EQ(usable_processors(8, "0::/system.slice/portcullis.service\n", root_), 3);
  write("/system.slice/cpu.max", "200000 100000\n");
  EXPECT_EQ(usable_processors(8, "0::/system.slice/portcullis.service\n", root_), 2);
}

TEST_F(Processors, KnowTheFirstVersionOfControlGroups) {
  write("/cpu/docker/cpu.cfs_quota_us", "200000\n");
  write("/cpu/docker/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(usable_processors(8, "5:memory:/other\n4:cpu,cpuacct:/docker\n", root_), 2);
  write("/cpu/docker/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(usable_processors(8, "4:cpu,cpuacct:/docker\n", root_), 8);
}

}  // namespace
}  // namespace portcullis
