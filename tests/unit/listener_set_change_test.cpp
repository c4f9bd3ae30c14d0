// Changes of a set of listeners that are made in two steps, or given up between them.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "control/listener_set.h"
#include "proxy/snapshot.h"

namespace portcullis::control {
namespace {

class ListenerSetChange : public testing::Test {
 protected:
  ListenerSetChange() {
    std::string name = testing::TempDir() + "listeners-XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  ~ListenerSetChange() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  bool exists(const std::string& name) const { return std::filesystem::exists(path(name)); }
  proxy::ListenerSettings at(const std::string& name) const {
    return {.name = name, .address = *SocketAddress::parse("unix:" + path(name))};
  }

  std::string folder_;
  ListenerSet set_;
};

TEST_F(ListenerSetChange, ThatIsGivenUpLeavesNothing) {
  ASSERT_TRUE(set_.update({at("first")}, 1));
  {
    auto change = set_.prepare({at("second")}, 1);
    ASSERT_TRUE(change);
    EXPECT_TRUE(exists("second"));
  }
  EXPECT_FALSE(exists("second"));
  EXPECT_TRUE(exists("first"));
  EXPECT_EQ(set_.sockets().size(), 1U);
}

TEST_F(ListenerSetChange, ThatFailsLeavesNothing) {
  ASSERT_TRUE(set_.update({at("first")}, 1));
  EXPECT_FALSE(set_.prepare({at("second"), at("missing/third")}, 1));
  EXPECT_FALSE(exists("second"));
  EXPECT_TRUE(exists("first"));
}

TEST_F(ListenerSetChange, ThatIsMadeTakesTheOldAway) {
  ASSERT_TRUE(set_.update({at("first")}, 1));
  auto change = set_.prepare({at("second")}, 2);
  ASSERT_TRUE(change);
  EXPECT_TRUE(exists("first"));
  const auto shares = set_.apply(std::move(*change));
  EXPECT_EQ(shares.size(), 2U);
  EXPECT_FALSE(exists("first"));
  EXPECT_TRUE(exists("second"));
  EXPECT_EQ(set_.sockets().size(), 1U);
}

TEST_F(ListenerSetChange, CanBeMadeAfterOneThatWasGivenUp) {
  { const auto given_up = set_.prepare({at("one")}, 1); }
  ASSERT_TRUE(set_.update({at("one")}, 1));
  EXPECT_TRUE(exists("one"));
}

}  // namespace
}  // namespace portcullis::control
