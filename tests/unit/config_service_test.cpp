#include "control/config_service.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/text_origin.h"
#include "config_in_memory.h"

namespace portcullis::control {
namespace {

class ConfigServiceTest : public ::testing::Test {
 protected:
  ConfigServiceTest() {
    auto origin = std::make_unique<MemoryOrigin>(loop_);
    origin_ = origin.get();
    service_ = std::make_unique<ConfigService>(loop_, std::move(origin), target_,
                                               std::make_unique<NotingObserver>(notes_));
    service_->follow_origin();
  }

  // As a start does: the first configuration is loaded and in force, and the queue is open.
  void start() {
    struct Life {
      static Task<void> run(ConfigService& service, bool& loaded) {
        Task<config::Reading> reading = service.read_first();
        config::Reading read = co_await reading;
        const ConfigService::Loaded first = service.load_first(std::move(read));
        loaded = first.config.has_value();
      }
    };
    bool loaded = false;
    tasks_.spawn(Life::run(*service_, loaded));
    run_until([&] { return tasks_.empty(); });
    ASSERT_TRUE(loaded);
    target_.published.push_back("first");
    service_->open();
    origin_->reads = 0;
  }
  // A task that waits for a reload; its outcome comes into outcomes_.
  void ask(const std::string& by) {
    struct Life {
      static Task<void> run(ConfigService& service, std::string by, std::vector<ReloadOutcome>& out) {
        Task<ReloadOutcome> reloading = service.reload({.name = std::move(by)});
        out.push_back(co_await reloading);
      }
    };
    tasks_.spawn(Life::run(*service_, by, outcomes_));
  }
  template <typename Condition>
  void run_until(Condition condition) {
    for (int rounds = 0; !condition(); ++rounds) {
      ASSERT_LT(rounds, 1'000) << "what is waited for does not come";
      loop_.run_once(Milliseconds(100));
    }
  }
  void run_until_ended(size_t reloads) {
    run_until([&] {
      return static_cast<size_t>(std::count_if(notes_.begin(), notes_.end(), [](const std::string& note) {
               return note != "began" && !note.starts_with("certificates");
             })) == reloads;
    });
  }

  EventLoop loop_;
  MemoryOrigin* origin_ = nullptr;
  ScalarTarget target_{loop_};
  Lines notes_;
  std::unique_ptr<ConfigService> service_;
  std::vector<ReloadOutcome> outcomes_;
  TaskGroup tasks_;
};

TEST_F(ConfigServiceTest, AReloadReadsTheOriginOnce) {
  start();
  origin_->content = "two";
  ask("admin");
  run_until([&] { return outcomes_.size() == 1; });
  EXPECT_EQ(origin_->reads, 1);
  EXPECT_EQ(target_.published, (Lines{"first", "two"}));
  EXPECT_EQ(notes_, (Lines{"began", "admin: succeeded"}));
  EXPECT_TRUE(outcomes_[0].succeeded);
  EXPECT_EQ(outcomes_[0].report, "serving revision 2\n");
}

TEST_F(ConfigServiceTest, AReloadThatIsAskedForPublishesUnchangedContentAnew) {
  start();
  ask("admin");
  run_until([&] { return outcomes_.size() == 1; });
  EXPECT_EQ(target_.published, (Lines{"first", "one"}));
}

TEST_F(ConfigServiceTest, ThoseWhoAskDuringAReloadShareTheNextOne) {
  start();
  origin_->gate.close();
  origin_->content = "two";
  ask("a");
  origin_->content = "three";
  ask("b");
  service_->request_reload({.name = "c"});
  ask("d");
  EXPECT_EQ(origin_->reads, 1);
  origin_->gate.open();
  run_until([&] { return outcomes_.size() == 3; });
  EXPECT_EQ(origin_->reads, 2);
  EXPECT_EQ(target_.published, (Lines{"first", "two", "three"}));
  EXPECT_EQ(notes_, (Lines{"began", "a: succeeded", "began", "b, c, d: succeeded"}));
}

TEST_F(ConfigServiceTest, ThoseWhoAskWhileAConfigurationIsPublishedShareTheNextOne) {
  start();
  target_.gate.close();
  ask("a");
  ask("b");
  EXPECT_EQ(origin_->reads, 1);
  target_.gate.open();
  run_until([&] { return outcomes_.size() == 2; });
  EXPECT_EQ(notes_, (Lines{"began", "a: succeeded", "began", "b: succeeded"}));
}

TEST_F(ConfigServiceTest, ChangedContentIsPublishedWithOneRead) {
  start();
  origin_->content = "two";
  origin_->tell();
  run_until_ended(1);
  EXPECT_EQ(origin_->reads, 1);
  EXPECT_EQ(target_.published, (Lines{"first", "two"}));
  EXPECT_EQ(notes_, (Lines{"began", "memory: succeeded"}));
}

TEST_F(ConfigServiceTest, UnchangedContentIsNotPublishedAndNotToldOf) {
  start();
  origin_->tell();
  EXPECT_EQ(origin_->reads, 1);
  EXPECT_EQ(target_.published, (Lines{"first"}));
  EXPECT_EQ(notes_, Lines());
}

TEST_F(ConfigServiceTest, AChangeDuringAReadIsReadAfterIt) {
  start();
  origin_->gate.close();
  origin_->content = "two";
  origin_->tell();
  origin_->content = "three";
  origin_->tell();
  origin_->tell();
  EXPECT_EQ(origin_->reads, 1);
  origin_->gate.open();
  run_until_ended(2);
  EXPECT_EQ(origin_->reads, 2);
  EXPECT_EQ(target_.published, (Lines{"first", "two", "three"}));
}

TEST_F(ConfigServiceTest, AReloadThatIsAskedForTakesTheChangeThatWaits) {
  start();
  target_.gate.close();
  ask("a");
  origin_->content = "two";
  origin_->tell();
  ask("b");
  target_.gate.open();
  run_until([&] { return outcomes_.size() == 2; });
  EXPECT_EQ(origin_->reads, 2);
  EXPECT_EQ(target_.published, (Lines{"first", "one", "two"}));
}

TEST_F(ConfigServiceTest, AnOriginMayTellOfAChangeFromWithinARead) {
  start();
  origin_->during_read = [this] {
    origin_->during_read = nullptr;
    origin_->tell();
  };
  origin_->content = "two";
  origin_->tell();
  run_until_ended(1);
  EXPECT_EQ(origin_->reads, 2);
  EXPECT_EQ(target_.published, (Lines{"first", "two"}));
}

TEST_F(ConfigServiceTest, AReadThatFailsLeavesInForceWhatIsThere) {
  start();
  origin_->content = "[";
  ask("admin");
  run_until([&] { return outcomes_.size() == 1; });
  EXPECT_FALSE(outcomes_[0].succeeded);
  EXPECT_NE(outcomes_[0].report.find("memory:2:1: error:"), std::string::npos) << outcomes_[0].report;
  EXPECT_TRUE(outcomes_[0].report.ends_with("revision 1 goes on serving\n")) << outcomes_[0].report;
  EXPECT_EQ(target_.published, (Lines{"first"}));
  EXPECT_EQ(notes_, (Lines{"began", "admin: refused"}));
}

TEST_F(ConfigServiceTest, TheSameWrongContentIsRefusedOnceUntilItIsAskedFor) {
  start();
  origin_->content = "wrong";
  origin_->tell();
  run_until_ended(1);
  origin_->tell();
  EXPECT_EQ(origin_->reads, 2);
  EXPECT_EQ(notes_, (Lines{"began", "memory: refused"}));
  service_->request_reload({.name = "signal"});
  EXPECT_EQ(notes_, (Lines{"began", "memory: refused", "began", "signal: refused"}));
}

TEST_F(ConfigServiceTest, WhatCannotBeServedIsRefusedWithTheReason) {
  start();
  origin_->content = "unservable";
  ask("admin");
  run_until([&] { return outcomes_.size() == 1; });
  EXPECT_EQ(outcomes_[0].report, "no address is free\nrevision 1 goes on serving\n");
  origin_->content = "two";
  ask("admin");
  run_until([&] { return outcomes_.size() == 2; });
  EXPECT_TRUE(outcomes_[1].succeeded);
}

TEST_F(ConfigServiceTest, AReloadIsRefusedWhenWhatOthersHavePublishedForbidsIt) {
  start();
  target_.looked = Error{"revision 7 is a canary of another process"};
  origin_->content = "two";
  ask("admin");
  run_until([&] { return outcomes_.size() == 1; });
  EXPECT_EQ(target_.published, Lines{"first"});
  EXPECT_EQ(outcomes_[0].report, "revision 7 is a canary of another process\nrevision 1 goes on serving\n");
  EXPECT_FALSE(outcomes_[0].succeeded);
}

TEST_F(ConfigServiceTest, StoppingDuringAReadCancelsItAndRefusesAllWhoWait) {
  start();
  origin_->gate.close();
  ask("a");
  ask("b");
  ASSERT_TRUE(origin_->gate.has_waiter());
  service_->stop();
  EXPECT_FALSE(origin_->gate.has_waiter());
  run_until([&] { return outcomes_.size() == 2; });
  EXPECT_EQ(outcomes_[0].report, "the gateway is draining\nrevision 1 goes on serving\n");
  EXPECT_EQ(target_.published, (Lines{"first"}));
  EXPECT_EQ(notes_, (Lines{"began", "a, b: refused"}));
}

TEST_F(ConfigServiceTest, StoppingWhileAConfigurationIsPublishedCancelsThat) {
  start();
  target_.gate.close();
  ask("a");
  ASSERT_TRUE(target_.gate.has_waiter());
  service_->stop();
  EXPECT_FALSE(target_.gate.has_waiter());
  run_until([&] { return outcomes_.size() == 1; });
  EXPECT_FALSE(outcomes_[0].succeeded);
  EXPECT_EQ(target_.published, (Lines{"first"}));
}

TEST_F(ConfigServiceTest, AfterItHasStoppedEveryReloadIsRefusedWithoutARead) {
  start();
  service_->stop();
  EXPECT_EQ(notes_, Lines());
  ask("a");
  run_until([&] { return outcomes_.size() == 1; });
  EXPECT_FALSE(outcomes_[0].succeeded);
  origin_->tell();
  service_->request_certificates();
  EXPECT_EQ(origin_->reads, 0);
  EXPECT_EQ(notes_, (Lines{"a: refused"}));
}

TEST_F(ConfigServiceTest, WhatIsAskedForBeforeTheQueueIsOpenWaits) {
  service_->request_reload({.name = "a"});
  origin_->tell();
  service_->request_reload({.name = "b"});
  EXPECT_EQ(origin_->reads, 0);
  start();
  run_until_ended(1);
  EXPECT_EQ(notes_, (Lines{"began", "a, b: succeeded"}));
}

TEST_F(ConfigServiceTest, AWaitThatIsGivenUpDoesNotEndTheReload) {
  start();
  origin_->gate.close();
  ask("a");
  tasks_.clear();
  origin_->gate.open();
  run_until_ended(1);
  EXPECT_EQ(notes_, (Lines{"began", "a: succeeded"}));
}

TEST_F(ConfigServiceTest, CertificatesWaitForTheReloadUnderWay) {
  start();
  target_.gate.close();
  ask("a");
  target_.certificates_changed = true;
  service_->request_certificates();
  service_->request_certificates();
  EXPECT_EQ(target_.published, (Lines{"first"}));
  target_.gate.open();
  run_until([&] { return notes_.size() == 3; });
  EXPECT_EQ(target_.published, (Lines{"first", "one", "certificates"}));
  EXPECT_EQ(notes_, (Lines{"began", "a: succeeded", "certificates: succeeded"}));
  service_->request_certificates();  // they are the same
  EXPECT_EQ(notes_.size(), 3u);
  EXPECT_EQ(origin_->reads, 1);
}

TEST(ConfigServiceOfATextTest, AReloadKeepsTheText) {
  EventLoop loop;
  ScalarTarget target(loop);
  target.published.push_back("first");
  Lines notes;
  ConfigService service(loop, std::make_unique<config::TextOrigin>("command line", "one"), target,
                        std::make_unique<NotingObserver>(notes));
  service.open();
  service.request_reload({.name = "signal"});
  EXPECT_EQ(target.published, (Lines{"first"}));
  EXPECT_EQ(notes, (Lines{"began", "signal: succeeded"}));
}

}  // namespace
}  // namespace portcullis::control
