#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/json_text.h"
#include "etcd/encoding.h"
#include "etcd/watch_reader.h"

namespace portcullis::etcd {
namespace {

using nlohmann::json;

json event(const std::string& key, uint64_t revision) {
  return {{"kv", {{"key", encode(key)}, {"mod_revision", std::to_string(revision)}}}};
}
std::string line(json result) {
  return json_text(json{{"result", std::move(result)}}) + "\n";
}
std::string keys_of(const std::vector<Change>& changes) {
  std::string out;
  for (const Change& change : changes) out += change.item.key;
  return out;
}
std::string start_of(const WatchReader& reader) {
  return reader.request("/p/")["create_request"]["start_revision"];
}

TEST(WatchReader, TellsAChangeWhenItsLineIsComplete) {
  WatchReader reader(5);
  const std::string text = line({{"events", {event("a", 5)}}});
  for (const char byte : text.substr(0, text.size() - 1)) EXPECT_TRUE(reader.read({&byte, 1}));
  EXPECT_EQ("", keys_of(reader.take_changes()));
  EXPECT_TRUE(reader.read("\n"));
  EXPECT_EQ("a", keys_of(reader.take_changes()));
  EXPECT_EQ("6", start_of(reader));
}

TEST(WatchReader, TellsTheChangesOfOneRevisionTogether) {
  WatchReader reader(5);
  reader.read(line({{"events", {event("a", 5), event("b", 6)}}, {"fragment", true}}));
  EXPECT_EQ("a", keys_of(reader.take_changes()));
  reader.read(line({{"events", {event("c", 6)}}}));
  EXPECT_EQ("bc", keys_of(reader.take_changes()));
}

TEST(WatchReader, BeginsAStreamAgainWithWhatWasNotComplete) {
  WatchReader reader(5);
  reader.read(line({{"events", {event("a", 5), event("b", 6)}}, {"fragment", true}}));
  reader.begin_stream();
  reader.read(line({{"events", {event("b", 6), event("c", 6)}}}));
  EXPECT_EQ("abc", keys_of(reader.take_changes()));
  EXPECT_EQ("7", start_of(reader));
}

TEST(WatchReader, GoesOnAfterAProgressNotification) {
  WatchReader reader(5);
  reader.read(line({{"created", true}, {"header", {{"revision", "90"}}}}));
  EXPECT_TRUE(reader.created());
  EXPECT_EQ("5", start_of(reader));  // what came before the stream is still to be told
  reader.read(line({{"header", {{"revision", "90"}}}}));
  EXPECT_EQ("91", start_of(reader));
}

TEST(WatchReader, SaysThatChangesWereCompacted) {
  WatchReader reader(5);
  EXPECT_FALSE(reader.read(line({{"created", true}, {"canceled", true}, {"compact_revision", "70"}})));
  EXPECT_TRUE(reader.compacted());
}

TEST(WatchReader, RefusesAMessageThatIsTooLarge) {
  WatchReader reader(5);
  EXPECT_TRUE(reader.read(std::string(WatchReader::kMaxMessage, ' ')));
  EXPECT_FALSE(reader.read(" "));
  EXPECT_NE("", reader.problem());
}

TEST(WatchReader, IgnoresAMessageThatWasCutOff) {
  WatchReader reader(5);
  reader.read(line({{"events", {event("a", 5)}}}).substr(0, 40));
  reader.end_stream();
  EXPECT_EQ("", reader.problem());
  EXPECT_EQ("5", start_of(reader));
}

TEST(WatchReader, SaysThatAnAnswerIsNotEtcds) {
  WatchReader reader(5);
  reader.read("<html>404</html>");
  reader.end_stream();
  EXPECT_NE("", reader.problem());
}

TEST(WatchReader, TellsTheErrorOfARequestThatWasRefused) {
  WatchReader reader(5);
  reader.read(R"({"error":"etcdserver: invalid auth token","code":16})");
  reader.end_stream();
  EXPECT_EQ("etcdserver: invalid auth token", reader.problem());
}

}  // namespace
}  // namespace portcullis::etcd
