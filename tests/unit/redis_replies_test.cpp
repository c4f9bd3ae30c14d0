#include <gtest/gtest.h>

#include "redis/key_slot.h"
#include "redis/reply_reader.h"
#include "redis/request.h"
#include "redis/sentinels.h"
#include "redis/slot_table.h"

namespace portcullis::redis {
namespace {

constexpr std::string_view kMixed = "*4\r\n:7\r\n$5\r\nhello\r\n*2\r\n+fine\r\n$-1\r\n-ERR no\r\n:12\r\n";

TEST(ReplyReaderTest, ReadsRepliesFromAnyPieces) {
  for (size_t piece = 1; piece <= kMixed.size(); ++piece) {
    ReplyReader reader;
    std::vector<Reply> replies;
    for (size_t at = 0; at < kMixed.size(); at += piece) {
      reader.feed(kMixed.substr(at, piece));
      while (std::optional<Reply> reply = reader.next()) replies.push_back(std::move(*reply));
    }
    ASSERT_EQ(replies.size(), 2u) << piece;
    const Reply& list = replies[0];
    ASSERT_EQ(list.list.size(), 4u);
    EXPECT_EQ(list.list[0].integer, 7);
    EXPECT_EQ(list.list[1].text, "hello");
    EXPECT_EQ(list.list[2].list[0].text, "fine");
    EXPECT_EQ(list.list[2].list[1].kind, Reply::Kind::kNil);
    EXPECT_TRUE(list.list[3].is_error("ERR"));
    EXPECT_EQ(replies[1].integer, 12);
    EXPECT_EQ(reader.fault(), "");
  }
}

TEST(ReplyReaderTest, RefusesWhatIsNoReply) {
  ReplyReader reader;
  reader.feed("HTTP/1.1 400 Bad Request\r\n\r\n");
  EXPECT_FALSE(reader.next());
  EXPECT_EQ(reader.fault(), "its reply is not one of the Redis protocol");
  reader.feed("+OK\r\n");
  EXPECT_FALSE(reader.next());
}

TEST(ReplyReaderTest, BoundsTheElementsOfAReply) {
  ReplyReader reader;
  reader.feed("*2\r\n*262143\r\n");
  EXPECT_FALSE(reader.next());
  EXPECT_EQ(reader.fault(), "its reply is too large");
}

TEST(ReplyReaderTest, BoundsTheBytesOfAReply) {
  ReplyReader reader;
  reader.feed("$100000000\r\n");
  const std::string some(1 << 20, 'x');
  size_t fed = 0;
  for (; fed < 100 && reader.fault().empty(); ++fed) {
    reader.feed(some);
    EXPECT_FALSE(reader.next());
  }
  EXPECT_LE(fed, ReplyReader::kMaxBytes / some.size() + 1);
  EXPECT_EQ(reader.fault(), "its reply is too large");
}

TEST(RequestTest, WritesCommandsOneAfterTheOther) {
  Request request = Request::of({"GET", "a b"});
  request.add({"SET", "", "x"});
  EXPECT_EQ(request.bytes, "*2\r\n$3\r\nGET\r\n$3\r\na b\r\n*3\r\n$3\r\nSET\r\n$0\r\n\r\n$1\r\nx\r\n");
  EXPECT_EQ(request.replies, 2u);
}

// The values are those of CLUSTER KEYSLOT.
TEST(KeySlotTest, FollowsTheSpecification) {
  EXPECT_EQ(key_slot("123456789"), 12'739);
  EXPECT_EQ(key_slot("foo"), 12'182);
  EXPECT_EQ(key_slot(""), 0);
  EXPECT_EQ(key_slot("{user1000}.following"), key_slot("user1000"));
  EXPECT_EQ(key_slot("foo{{bar}}zap"), key_slot("{bar"));
  EXPECT_EQ(key_slot("foo{bar}{zap}"), key_slot("bar"));
  EXPECT_NE(key_slot("foo{}{bar}"), key_slot("bar"));
  EXPECT_NE(key_slot("foo{bar"), key_slot("bar"));
}

TEST(RedirectionTest, ReadsWhereTheKeysAre) {
  const auto moved = redirection_of("MOVED 3999 127.0.0.1:6381");
  ASSERT_TRUE(moved);
  EXPECT_EQ(moved->kind, Redirection::Kind::kMoved);
  EXPECT_EQ(moved->slot, 3999);
  EXPECT_EQ(moved->address, "127.0.0.1:6381");
  EXPECT_EQ(redirection_of("ASK 1 ::1:6381")->address, "[::1]:6381");
  EXPECT_EQ(with_host_of("[::1]:6379", redirection_of("MOVED 1 :6381")->address), "[::1]:6381");
}

TEST(RedirectionTest, RefusesPlacesThatAreNotValid) {
  for (const char* error : {"MOVED", "MOVED 1", "MOVED 16384 a:1", "MOVED x a:1", "MOVED 1 a:0",
                            "MOVED 1 a:65536", "MOVED 1 a", "ERR MOVED 1 a:1", "ASK 1 a:"})
    EXPECT_FALSE(redirection_of(error)) << error;
}

Reply read(std::string_view bytes) {
  ReplyReader reader;
  reader.feed(bytes);
  return reader.next().value_or(Reply());
}

TEST(SlotTableTest, ReadsRangesAndTheirPrimaries) {
  const Reply reply = read(
      "*2\r\n"
      "*4\r\n:0\r\n:8191\r\n*3\r\n$9\r\n127.0.0.1\r\n:7000\r\n$2\r\nid\r\n*3\r\n$9\r\n127.0.0.1\r\n:7003\r\n$"
      "2\r\nid\r\n"
      "*3\r\n:8192\r\n:16383\r\n*3\r\n$-1\r\n:7001\r\n$2\r\nid\r\n");
  const auto ranges = read_slots(reply, "10.0.0.1:7009");
  ASSERT_TRUE(ranges);
  EXPECT_EQ(*ranges, (std::vector<SlotRange>{{0, 8191, "127.0.0.1:7000"}, {8192, 16'383, "10.0.0.1:7001"}}));
}

TEST(SlotTableTest, RefusesAnswersThatAreNotValid) {
  for (const char* bytes : {"*0\r\n", "-ERR This instance has cluster support disabled\r\n", ":1\r\n",
                            "*1\r\n:1\r\n", "*1\r\n*3\r\n:5\r\n:4\r\n*2\r\n$1\r\na\r\n:1\r\n",
                            "*1\r\n*3\r\n:0\r\n:16384\r\n*2\r\n$1\r\na\r\n:1\r\n",
                            "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\na\r\n:0\r\n"})
    EXPECT_FALSE(read_slots(read(bytes), "a:1")) << bytes;
}

TEST(SentinelsTest, ReadTheNewPrimaryOfAFailover) {
  EXPECT_EQ(switched_to("limits 10.0.0.1 6379 10.0.0.2 6380", "limits"), "10.0.0.2:6380");
  EXPECT_EQ(switched_to("other 10.0.0.1 6379 10.0.0.2 6380", "limits"), "");
  EXPECT_EQ(switched_to("limits 10.0.0.1 6379 10.0.0.2", "limits"), "");
  EXPECT_EQ(switched_to("", "limits"), "");
}

}  // namespace
}  // namespace portcullis::redis
