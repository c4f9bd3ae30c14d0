// The events of the admin API: what clients get that follow, and what slow clients lose.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <optional>
#include <string>

#include "control/events.h"
#include "http/read_body.h"

namespace portcullis::control {
namespace {

class Events : public ::testing::Test {
 protected:
  // The next part for the client; nothing at the end of the events.
  std::optional<std::string> next(http::BodySource& source) {
    std::optional<std::string> out;
    bool done = false;
    TaskGroup tasks;
    tasks.spawn(read(source, out, done));
    const Clock::time_point deadline = Clock::now() + std::chrono::seconds(5);
    while (!done && Clock::now() < deadline) loop_.run_once(Milliseconds(5));
    EXPECT_TRUE(done);
    return out;
  }

  EventLoop loop_;
  EventHub hub_{loop_};

 private:
  static Task<void> read(http::BodySource& source, std::optional<std::string>& out, bool& done) {
    http::BodyPart part;
    Task<bool> reading = http::read_part(source, part);
    (void)co_await reading;
    if (!part.last) {
      out.emplace();
      for (const iovec& run : part.runs.pieces()) *out += http::text_of(run);
    }
    done = true;
  }
};

TEST_F(Events, AreThoseAfterTheClientHasCome) {
  hub_.publish("early", {{"n", 0}});
  const auto client = hub_.follow([] { return true; });
  EXPECT_EQ(next(*client), "retry: 2000\n: the events follow\n\n");
  hub_.publish("first", {{"n", 1}});
  hub_.publish("second", {{"text", "\xff"}});
  const auto got = next(*client);
  ASSERT_TRUE(got);
  EXPECT_NE(got->find("event: first\ndata: {\"n\":1,\"time\":\""), std::string::npos) << *got;
  EXPECT_NE(got->find("event: second\ndata: {\"text\":\"\xEF\xBF\xBD\""), std::string::npos) << *got;
  EXPECT_EQ(got->find("early"), std::string::npos);
}

TEST_F(Events, AreLostForASlowClientWhichIsTold) {
  const auto client = hub_.follow([] { return true; });
  (void)next(*client);
  for (size_t i = 0; i < EventHub::kMaxKept + 7; ++i) hub_.publish("many", {{"n", i}});
  const auto got = next(*client);
  ASSERT_TRUE(got);
  EXPECT_TRUE(got->starts_with("event: lost\ndata: {\"events\":7}\n\nevent: many\ndata: {\"n\":7,"))
      << got->substr(0, 80);
  EXPECT_NE(got->find("\"n\":" + std::to_string(EventHub::kMaxKept + 6) + ","), std::string::npos);
}

TEST_F(Events, EndWhenTheClientMayNotSeeThemAnyMore) {
  bool alive = true;
  const auto client = hub_.follow([&alive] { return alive; });
  (void)next(*client);
  alive = false;
  hub_.wake();
  hub_.publish("secret", nlohmann::json::object());
  EXPECT_EQ(next(*client), std::nullopt);
}

TEST_F(Events, HaveAMaxNumberOfClients) {
  std::vector<std::unique_ptr<http::BodySource>> clients;
  while (!hub_.is_full()) clients.push_back(hub_.follow([] { return true; }));
  EXPECT_EQ(clients.size(), EventHub::kMaxFollowers);
  clients.pop_back();
  EXPECT_FALSE(hub_.is_full());
}

}  // namespace
}  // namespace portcullis::control
