#include <gtest/gtest.h>

#include "fake_redis.h"
#include "redis/blocking_client.h"
#include "redis/key_slot.h"

namespace portcullis::redis {
namespace {

using Words = FakeRedis::Words;

Settings one(const FakeRedis& server, Milliseconds timeout = Milliseconds(2'000)) {
  Settings out;
  out.address = server.address();
  out.timeout = timeout;
  return out;
}

Reply get(BlockingClient& client, std::string key) {
  return client.wait(client.client().run(Request::of({"GET", key}), key));
}

std::string ok(const Words&) {
  return "+OK\r\n";
}

TEST(RedisClientTest, LogsInBeforeTheFirstCommand) {
  FakeRedis server(ok);
  Settings settings = one(server);
  settings.username = "gate";
  settings.password = "pass";
  settings.database = 3;
  BlockingClient client(settings);
  EXPECT_EQ(get(client, "k").text, "OK");
  EXPECT_EQ(server.seen(), (std::vector<Words>{{"AUTH", "gate", "pass"}, {"SELECT", "3"}, {"GET", "k"}}));
}

TEST(RedisClientTest, SendsNoCommandAfterARefusedLogin) {
  FakeRedis server([](const Words& words) {
    return words[0] == "AUTH" ? "-WRONGPASS invalid username-password pair\r\n" : "+OK\r\n";
  });
  Settings settings = one(server);
  settings.password = "wrong";
  BlockingClient client(settings);
  const Reply reply = get(client, "k");
  EXPECT_EQ(reply.kind, Reply::Kind::kUnavailable);
  EXPECT_EQ(reply.text, "it refuses the user name or the password: WRONGPASS invalid username-password pair");
  EXPECT_FALSE(reply.may_have_run);
  EXPECT_EQ(server.count("GET"), 0u);
}

TEST(RedisClientTest, ReadsRepliesThatComeByteByByte) {
  FakeRedis server([](const Words&) { return "*2\r\n:1\r\n$5\r\nhello\r\n"; });
  BlockingClient client(one(server));
  EXPECT_EQ(get(client, "a").kind, Reply::Kind::kList);
  server.send_slowly();
  EXPECT_EQ(get(client, "b").list.at(1).text, "hello");
}

TEST(RedisClientTest, GivesEachOfManyCommandsItsReply) {
  FakeRedis server([](const Words& words) { return "+" + words[1] + "\r\n"; });
  BlockingClient client(one(server));
  const auto all = [&]() -> Task<bool> {
    bool good = true;
    TaskGroup group;
    for (int i = 0; i < 100; ++i) {
      group.spawn([](Client& to, std::string key, bool& right) -> Task<void> {
        Request request = Request::of({"GET", key});
        const Reply reply = co_await to.run(std::move(request), key);
        right = right && reply.text == key;
      }(client.client(), "key-" + std::to_string(i), good));
    }
    co_await group.join();
    co_return good;
  };
  EXPECT_TRUE(client.wait(all()));
  EXPECT_EQ(server.count("GET"), 100u);
}

TEST(RedisClientTest, SendsTheWholeScriptToAServerThatLacksIt) {
  FakeRedis server([](const Words& words) {
    return words[0] == "EVALSHA" ? "-NOSCRIPT No matching script.\r\n" : ":1\r\n";
  });
  BlockingClient client(one(server));
  EXPECT_EQ(
      client.wait(client.client().run_script("return 1", script_sha1("return 1"), {"k"}, {"v"})).integer, 1);
  EXPECT_EQ(server.seen().back(), (Words{"EVAL", "return 1", "1", "k", "v"}));
}

TEST(RedisClientTest, TellsThatALostCommandMayHaveRunAndDoesNotRepeatIt) {
  FakeRedis server([](const Words&) { return ""; });
  BlockingClient client(one(server));
  const Reply reply = get(client, "k");
  EXPECT_EQ(reply.kind, Reply::Kind::kUnavailable);
  EXPECT_TRUE(reply.may_have_run);
  EXPECT_EQ(server.count("GET"), 1u);
}

TEST(RedisClientTest, ACommandThatWasNotSentHasNotRun) {
  Settings settings;
  settings.address = "127.0.0.1:1";
  BlockingClient client(settings);
  const Reply reply = get(client, "k");
  EXPECT_EQ(reply.kind, Reply::Kind::kUnavailable);
  EXPECT_EQ(reply.text, "the connection failed: Connection refused");
  EXPECT_FALSE(reply.may_have_run);
}

TEST(RedisClientTest, ClosesTheConnectionAtAReplyThatIsNoReply) {
  FakeRedis server([](const Words&) { return "hello\r\n"; });
  BlockingClient client(one(server));
  EXPECT_EQ(get(client, "k").text, "its reply is not one of the Redis protocol");
}

TEST(RedisClientTest, ACommandTimesOutAndItsLateReplyIsNotAnothers) {
  std::atomic<bool> is_late{false};
  FakeRedis server([&](const Words& words) {
    is_late.wait(false);
    return "+" + words[1] + "\r\n";
  });
  BlockingClient client(one(server, Milliseconds(1'000)));
  const Reply late = get(client, "first");
  is_late = true;
  is_late.notify_all();
  EXPECT_EQ(late.text, "timed out");
  EXPECT_TRUE(late.may_have_run);
  EXPECT_EQ(get(client, "second").text, "second");
}

// Nodes of a cluster: each has one half of the slots, as `first` tells it.
class ClusterTest : public testing::Test {
 protected:
  std::string slots() const {
    const auto node = [](uint64_t from, uint64_t to, const FakeRedis& of) {
      return "*3\r\n:" + std::to_string(from) + "\r\n:" + std::to_string(to) +
             "\r\n*2\r\n$9\r\n127.0.0.1\r\n:" + std::to_string(of.port()) + "\r\n";
    };
    return "*2\r\n" + node(0, 8191, first) + node(8192, kSlots - 1, second);
  }
  Settings settings() const {
    Settings out;
    out.cluster = {"127.0.0.1:1", first.address()};  // the first seed is away
    out.timeout = Milliseconds(2'000);
    return out;
  }
  static std::string moved(const FakeRedis& to) {
    return "MOVED " + std::to_string(key_slot("foo")) + " " + to.address() + "\r\n";
  }

  std::function<std::string(const Words&)> on_first = ok, on_second = ok;
  FakeRedis first{[this](const Words& words) { return words[0] == "CLUSTER" ? slots() : on_first(words); }};
  FakeRedis second{[this](const Words& words) { return words[0] == "CLUSTER" ? slots() : on_second(words); }};
};

TEST_F(ClusterTest, ACommandGoesToTheNodeOfItsKey) {
  BlockingClient client(settings());
  EXPECT_EQ(get(client, "foo").text, "OK");  // slot 12182
  EXPECT_EQ(get(client, "bar").text, "OK");  // slot 5061
  EXPECT_EQ(second.seen(), (std::vector<Words>{{"GET", "foo"}}));
  EXPECT_EQ(first.seen(), (std::vector<Words>{{"CLUSTER", "SLOTS"}, {"GET", "bar"}}));
}

TEST_F(ClusterTest, FollowsMovedAndKeepsToTheNewNode) {
  on_second = [this](const Words&) { return "-" + moved(first); };
  BlockingClient client(settings());
  EXPECT_EQ(get(client, "foo").text, "OK");
  EXPECT_EQ(second.count("GET"), 1u);
  EXPECT_EQ(first.count("GET"), 1u);
}

TEST_F(ClusterTest, FollowsAskForOneCommand) {
  on_second = [this](const Words&) { return "-ASK " + moved(first).substr(6); };
  BlockingClient client(settings());
  for (int i = 0; i < 2; ++i) EXPECT_EQ(get(client, "foo").text, "OK");
  EXPECT_EQ(second.count("GET"), 2u);
  EXPECT_EQ(first.seen(), (std::vector<Words>{
                              {"CLUSTER", "SLOTS"}, {"ASKING"}, {"GET", "foo"}, {"ASKING"}, {"GET", "foo"}}));
}

TEST_F(ClusterTest, GivesUpWhenNodesRedirectInCircles) {
  on_first = [this](const Words&) { return "-" + moved(second); };
  on_second = [this](const Words&) { return "-" + moved(first); };
  BlockingClient client(settings());
  const Reply reply = get(client, "foo");
  EXPECT_EQ(reply.text, "the nodes redirect in circles");
  EXPECT_FALSE(reply.may_have_run);
  EXPECT_LE(first.count("GET") + second.count("GET"), 6u);
}

TEST_F(ClusterTest, TriesAgainWhileASlotIsOnTheMove) {
  std::atomic<int> left{2};
  on_second = [&](const Words&) {
    return left-- > 0 ? "-TRYAGAIN Multiple keys request during rehashing of slot\r\n" : "+OK\r\n";
  };
  BlockingClient client(settings());
  EXPECT_EQ(get(client, "foo").text, "OK");
  EXPECT_EQ(second.count("GET"), 3u);
}

TEST_F(ClusterTest, ACommandThatMayHaveRunIsNotSentToAnotherNode) {
  on_second = [](const Words&) { return ""; };
  BlockingClient client(settings());
  EXPECT_TRUE(get(client, "foo").may_have_run);
  EXPECT_EQ(second.count("GET"), 1u);
  EXPECT_EQ(first.count("GET"), 0u);
}

TEST(RedisClusterTest, TellsThatTheServerIsNoCluster) {
  FakeRedis server([](const Words&) { return "-ERR This instance has cluster support disabled\r\n"; });
  Settings settings;
  settings.cluster = {server.address()};
  settings.timeout = Milliseconds(2'000);
  BlockingClient client(settings);
  EXPECT_NE(get(client, "foo").text.find("This instance has cluster support disabled"), std::string::npos);
}

}  // namespace
}  // namespace portcullis::redis
