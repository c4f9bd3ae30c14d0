#include "telemetry/tail.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <deque>

#include "telemetry/notables.h"
#include "telemetry/series.h"

namespace portcullis::telemetry {
namespace {

// A reason as policies define it.
const EndReason kTooMany{"rate_limited", 429, "A rate limit refused the request.", CallerLimit::kReached};
const EndReason kNoKey{"key_missing", 401, "The request has no key."};

AccessEntry tail_entry(uint16_t status, const EndReason& ended = kEnds.complete,
                       std::string_view path = "/") {
  AccessEntry out;
  out.request_id = "id";
  out.client = "192.0.2.1";
  out.route = "orders";
  out.path = path;
  out.status = status;
  out.ended = &ended;
  return out;
}

bool tail_fits(std::string_view query, const AccessEntry& entry) {
  const auto filter = TailFilter::parse(query);
  EXPECT_TRUE(filter) << query;
  return filter && filter->fits(entry);
}

TEST(TailFilter, FitsByStatus) {
  EXPECT_TRUE(tail_fits("", tail_entry(200)));
  EXPECT_TRUE(tail_fits("status=4xx", tail_entry(404)));
  EXPECT_FALSE(tail_fits("status=4xx", tail_entry(503)));
  EXPECT_TRUE(tail_fits("status=4xx,503", tail_entry(503)));
  EXPECT_FALSE(tail_fits("status=4xx,503", tail_entry(502)));
  EXPECT_TRUE(tail_fits("status=none", tail_entry(0)));
  EXPECT_FALSE(tail_fits("status=5xx", tail_entry(0)));
  EXPECT_TRUE(tail_fits("status=5xx", tail_entry(777)));  // counts as 5xx everywhere
}

TEST(TailFilter, FitsByAllThatItSays) {
  AccessEntry entry = tail_entry(429, kTooMany, "/v1/orders");
  entry.consumer = "shop";
  entry.policy = "rate_limit";
  EXPECT_TRUE(
      tail_fits("route=orders&consumer=shop&reason=rate_limited&policy=rate_limit&path=orders", entry));
  EXPECT_FALSE(tail_fits("route=orders&consumer=other", entry));
  EXPECT_FALSE(tail_fits("path=products", entry));
  EXPECT_FALSE(tail_fits("request_id=another", entry));
  EXPECT_TRUE(tail_fits("client=192.0.2.1&path=%2Fv1%2F", entry));
}

TEST(TailFilter, NamesWhatItDoesNotKnow) {
  for (const char* query : {"status=600", "status=4x", "status=4xx,abc", "status=99999", "sttus=4xx"})
    EXPECT_FALSE(TailFilter::parse(query)) << query;
}

TEST(Tails, KeepWhatFitsAndCountWhatFindsNoRoom) {
  const LogFormat format{{}};
  Tails tails;
  EXPECT_FALSE(tails.any());
  tails.open(1, std::make_shared<TailFilter>(*TailFilter::parse("status=4xx")));
  tails.open(2, std::make_shared<TailFilter>());
  for (size_t i = 0; i < Tails::kStories + 50; ++i) tails.note(format, tail_entry(404, kEnds.no_route));
  tails.note(format, tail_entry(200));
  auto pieces = tails.take();
  ASSERT_EQ(pieces.size(), 2u);
  EXPECT_EQ(pieces[0].id, 1u);
  EXPECT_EQ(pieces[0].stories.size(), Tails::kStories);
  EXPECT_EQ(pieces[0].left_out, 50u);
  EXPECT_EQ(pieces[1].left_out, 51u);
  EXPECT_TRUE(tails.take().empty());
  tails.close(1);
  tails.note(format, tail_entry(404));
  pieces = tails.take();
  ASSERT_EQ(pieces.size(), 1u);
  EXPECT_EQ(pieces[0].id, 2u);
  EXPECT_EQ(pieces[0].left_out, 0u);
  tails.close(2);
  EXPECT_FALSE(tails.any());
}

TEST(Notables, KeepRefusalsOfEachKindApart) {
  Notables notables;
  notables.note(tail_entry(401, kNoKey), 0);
  size_t told = 0;
  for (int second = 0; second < 10; ++second) {
    for (int i = 0; i < 1000; ++i) {
      if (!notables.wants(404, kEnds.no_route, std::chrono::microseconds(0), second)) continue;
      notables.note(tail_entry(404, kEnds.no_route), second);
    }
  }
  for (const Story& one : notables.take().refused) {
    const auto line = nlohmann::json::parse(one.line);
    if (line["status"] == 404) ++told;
    if (line["status"] == 401) {
      EXPECT_EQ(line["ended"], "key_missing");
    }
  }
  EXPECT_EQ(told, 16u);
  EXPECT_TRUE(notables.take().refused.empty());
}

TEST(Notables, KeepTheRefusalsOfFewKinds) {
  Notables notables;
  std::deque<std::string> names;
  std::deque<EndReason> reasons;
  for (int i = 0; i < 40; ++i) {
    names.push_back("reason_" + std::to_string(i));
    notables.note(tail_entry(403, reasons.emplace_back(names.back(), 403, "")), i);
  }
  const auto refused = notables.take().refused;
  EXPECT_EQ(refused.size(), 16u);
  for (const Story& one : refused) {
    const auto ended = nlohmann::json::parse(one.line)["ended"].get<std::string>();
    EXPECT_GE(std::stoi(ended.substr(std::string("reason_").size())), 24);  // the latest
  }
}

using Kind = SeriesBook::Kind;

TEST(SeriesBook, KeepsTheLastMinutesOfWhatHasTraffic) {
  SeriesBook book;
  for (uint64_t at = 1; at <= SeriesBook::kSeconds + 10; ++at) {
    book.note(Kind::kRoute, "busy", {.at = at, .rate = 5});
    book.note(Kind::kRoute, "idle", {.at = at, .rate = 0});
    book.note(Kind::kConsumer, "once", {.at = at, .rate = at == 5 ? 1.0F : 0.0F});
    book.end_round(at);
  }
  const nlohmann::json busy = book.describe(Kind::kRoute, "busy");
  ASSERT_EQ(busy.size(), SeriesBook::kSeconds);
  EXPECT_EQ(busy.back()[0], SeriesBook::kSeconds + 10);
  EXPECT_EQ(busy.back()[1], 5.0);
  EXPECT_EQ(busy.back()[4], -1.0);
  EXPECT_TRUE(book.describe(Kind::kRoute, "idle").empty());
  EXPECT_TRUE(book.describe(Kind::kConsumer, "once").empty());  // older than the history
  EXPECT_TRUE(book.describe(Kind::kConsumer, "busy").empty());
}

TEST(SeriesBook, GivesPlacesToTheBusiest) {
  SeriesBook book;
  for (uint64_t at = 1; at <= 20; ++at) {
    for (size_t i = 0; i < SeriesBook::kSeries; ++i)
      book.note(Kind::kRoute, "route" + std::to_string(i), {.at = at, .rate = i == 7 ? 1.0F : 10.0F});
    book.note(Kind::kRoute, "little", {.at = at, .rate = 1.5F});
    if (at > 10) book.note(Kind::kRoute, "much", {.at = at, .rate = 100});
    book.end_round(at);
  }
  EXPECT_EQ(book.describe(Kind::kRoute, "much").size(), 10u);
  EXPECT_TRUE(book.describe(Kind::kRoute, "little").empty());
  EXPECT_TRUE(book.describe(Kind::kRoute, "route7").empty());
  EXPECT_EQ(book.describe(Kind::kRoute, "route8").size(), 20u);
}

}  // namespace
}  // namespace portcullis::telemetry
