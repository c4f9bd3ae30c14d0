#include "exchange_world.h"

namespace portcullis::proxy {
namespace {

const std::string kGet = "GET /a HTTP/1.1\r\nHost: api.example\r\n\r\n";
const std::string kPost = "POST /a HTTP/1.1\r\nHost: api.example\r\nContent-Length: 10\r\n\r\n";

using ExchangeTest = ExchangeWorld;

TEST_F(ExchangeTest, PassesARequestAndItsResponseOn) {
  build();
  begin(kGet);
  ASSERT_TRUE(has(backends[0]->received, "GET /a HTTP/1.1\r\nhost: api.example\r\n"))
      << backends[0]->received;
  EXPECT_TRUE(has(backends[0]->received, "x-forwarded-for: 192.0.2.7\r\n"));
  EXPECT_EQ(client->received, "");
  backends[0]->send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  run_to_end();
  EXPECT_TRUE(client->received.starts_with("HTTP/1.1 200 OK\r\n")) << client->received;
  EXPECT_TRUE(client->received.ends_with("\r\n\r\nhello"));
  EXPECT_EQ(after, http::Persistence::kKeepAlive);
  EXPECT_EQ(ended, &kEnds.complete);
  EXPECT_EQ(status, 200);
  EXPECT_FALSE(backends[0]->was_closed);  // it is in the pool again
}

TEST_F(ExchangeTest, PassesBodiesOnPieceByPiece) {
  build();
  begin(kPost + "12345");
  EXPECT_TRUE(backends[0]->received.ends_with("\r\n\r\n12345"));
  client->send("67890");
  settle();
  EXPECT_TRUE(backends[0]->received.ends_with("\r\n\r\n1234567890"));
  backends[0]->send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  settle();
  EXPECT_TRUE(client->received.ends_with("\r\n\r\n3\r\nabc\r\n")) << client->received;
  backends[0]->send("0\r\n\r\n");
  run_to_end();
  EXPECT_TRUE(client->received.ends_with("3\r\nabc\r\n0\r\n\r\n")) << client->received;
  EXPECT_EQ(after, http::Persistence::kKeepAlive);
}

TEST_F(ExchangeTest, PassesInterimResponsesOn) {
  build();
  begin(kGet);
  backends[0]->send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  settle();
  EXPECT_TRUE(client->received.starts_with("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n")) << client->received;
  backends[0]->send("HTTP/1.1 204 No Content\r\n\r\n");
  run_to_end();
  EXPECT_TRUE(has(client->received, "\r\n\r\nHTTP/1.1 204 No Content\r\n"));
}

TEST_F(ExchangeTest, LeavesWhatFollowsTheRequestToTheNextOne) {
  build();
  begin(kPost + "1234567890GET /next");
  backends[0]->send("HTTP/1.1 204 No Content\r\n\r\n");
  run_to_end();
  EXPECT_EQ(after, http::Persistence::kKeepAlive);
  EXPECT_TRUE(backends[0]->received.ends_with("\r\n\r\n1234567890"));
}

// ---- Faults. Those at single points, the end of the worker among them, are in the tables of
// exchange_faults_test.cpp and exchange_target_faults_test.cpp.

TEST_F(ExchangeTest, EndsWithoutALineWhenTheClientLeavesBeforeItsHead) {
  build();
  begin("GET /a HT");
  client->finish();
  run_to_end();
  EXPECT_EQ(log_lines, 0);
  EXPECT_EQ(client->received, "");
  EXPECT_EQ(after, http::Persistence::kClose);
}

TEST_F(ExchangeTest, RefusesAHeadThatTakesTooLong) {
  settings.timeouts.head = Milliseconds(1);
  build();
  begin("GET /a HT");
  run_to_end();
  EXPECT_TRUE(client->received.starts_with("HTTP/1.1 408 ")) << client->received;
  EXPECT_EQ(ended, &kEnds.head_timeout);
}

TEST_F(ExchangeTest, GivesUpTheTargetWhenTheClientLeavesWhileItWaits) {
  build();
  begin(kGet);
  client->reset();
  run_to_end();
  EXPECT_EQ(ended, &kEnds.client_closed);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(backends[0]->was_closed);
}

TEST_F(ExchangeTest, GivesUpTheTargetWhenTheClientLeavesWithinItsBody) {
  build();
  begin(kPost + "123");
  client->reset();
  run_to_end();
  EXPECT_EQ(ended, &kEnds.client_closed);
  EXPECT_TRUE(backends[0]->was_closed);
}

TEST_F(ExchangeTest, GivesUpTheTargetWhenTheClientLeavesWithinTheResponse) {
  build();
  begin(kGet);
  backends[0]->send("HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\nabc");
  settle();
  client->reset();
  run_to_end();
  EXPECT_EQ(ended, &kEnds.client_closed);
  EXPECT_EQ(status, 200);
  EXPECT_TRUE(backends[0]->was_closed);
}

TEST_F(ExchangeTest, AnswersWhenTheTargetClosesWithoutAResponse) {
  definition->retries.attempts = 0;
  build();
  begin(kPost + "1234567890");
  backends[0]->finish();
  run_to_end();
  EXPECT_TRUE(client->received.starts_with("HTTP/1.1 502 ")) << client->received;
  EXPECT_EQ(ended, &kEnds.upstream_closed_early);
}

TEST_F(ExchangeTest, AnswersWhenTheTargetResetsWithinItsHead) {
  build();
  begin(kPost + "1234567890");
  backends[0]->send("HTTP/1.1 200 O");
  settle();
  backends[0]->reset();
  run_to_end();
  EXPECT_TRUE(client->received.starts_with("HTTP/1.1 502 "));
  EXPECT_EQ(ended, &kEnds.upstream_reset);
}

TEST_F(ExchangeTest, AnswersWhenTheTargetIsSilent) {
  definition->timeouts.response = Milliseconds(1);
  build();
  begin(kGet);
  run_to_end();
  EXPECT_TRUE(client->received.starts_with("HTTP/1.1 504 "));
  EXPECT_EQ(ended, &kEnds.response_timeout);
  EXPECT_TRUE(backends[0]->was_closed);
}

TEST_F(ExchangeTest, ResetsTheClientWhenTheResponseBreaksOff) {
  build();
  begin(kGet);
  backends[0]->send("HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\nabc");
  settle();
  backends[0]->finish();
  run_to_end();
  EXPECT_EQ(ended, &kEnds.upstream_closed);
  EXPECT_TRUE(client->was_reset);
}

TEST_F(ExchangeTest, EndsWhenTheClientTakesNothing) {
  settings.timeouts.send = Milliseconds(1);
  build();
  client->take_no_more_than(0);
  begin(kGet);
  backends[0]->send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
  run_to_end();
  EXPECT_EQ(ended, &kEnds.send_timeout);
  EXPECT_EQ(client->received, "");
}

TEST_F(ExchangeTest, GoesOnWhenTheClientTakesTheResponseSlowly) {
  build();
  client->take_no_more_than(0);
  begin(kGet);
  const std::string body(100'000, 'x');
  backends[0]->send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + body);
  while (!is_over && client->received.size() < 120'000) {
    client->take_no_more_than(1'000);
    settle();
  }
  EXPECT_TRUE(client->received.ends_with(body));
  EXPECT_EQ(ended, &kEnds.complete);
}

TEST_F(ExchangeTest, StopsWithinBothBodies) {
  build();
  begin(kPost + "123");
  backends[0]->send("HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\nabc");
  settle();
  end();
  EXPECT_EQ(status, 200);
  EXPECT_TRUE(backends[0]->was_closed);
}

// ---- Trying again.

TEST_F(ExchangeTest, SendsTheRequestAgainOnAnotherConnectionWhenAPooledOneWasClosed) {
  build();
  const std::shared_ptr<MemoryEnd> stale = add_connection(*open[0]);
  begin(kGet);
  EXPECT_TRUE(has(stale->received, "GET /a"));
  stale->finish();
  // The fresh connection cannot be made here, because nothing listens on the target's port: the outcome tells
  // that it was tried.
  run_to_end();
  EXPECT_EQ(tries, 2u);
  EXPECT_TRUE(client->received.starts_with("HTTP/1.1 502 "));
}

TEST_F(ExchangeTest, AsksAnotherTargetAfterAReset) {
  definition->retries = {.attempts = 1, .backoff = Milliseconds(0)};
  build(2);
  begin("PUT /a HTTP/1.1\r\nHost: api.example\r\nContent-Length: 3\r\n\r\nabc");
  const size_t first = backends[0]->received.empty() ? 1 : 0;
  backends[first]->reset();
  settle(Milliseconds(5));
  settle(Milliseconds(5));
  ASSERT_TRUE(backends[1 - first]->received.ends_with("\r\n\r\nabc")) << backends[1 - first]->received;
  backends[1 - first]->send("HTTP/1.1 204 No Content\r\n\r\n");
  run_to_end();
  EXPECT_EQ(status, 204);
  EXPECT_EQ(tries, 2u);
}

TEST_F(ExchangeTest, DropsAnAnswerWhoseStatusCallsForAnotherTry) {
  definition->retries = {.attempts = 1, .status = {{503, 503}}, .backoff = Milliseconds(0)};
  build(2);
  begin(kGet);
  const size_t first = backends[0]->received.empty() ? 1 : 0;
  backends[first]->send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
  settle(Milliseconds(5));
  settle(Milliseconds(5));
  backends[1 - first]->send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  run_to_end();
  EXPECT_TRUE(client->received.starts_with("HTTP/1.1 200 OK\r\n")) << client->received;
  EXPECT_FALSE(has(client->received, "503"));
}

TEST_F(ExchangeTest, TakesTheHedgeThatAnswersFirst) {
  definition->hedging = {.delay = Milliseconds(200), .budget = 100};
  build(2);
  begin(kGet);
  const size_t first = backends[0]->received.empty() ? 1 : 0;
  const Clock::time_point deadline = Clock::now() + std::chrono::seconds(20);
  while (backends[1 - first]->received.empty() && Clock::now() < deadline) settle(Milliseconds(5));
  ASSERT_TRUE(has(backends[1 - first]->received, "GET /a"));
  backends[1 - first]->send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhedge");
  run_to_end();
  EXPECT_TRUE(client->received.ends_with("\r\n\r\nhedge")) << client->received;
  EXPECT_TRUE(backends[first]->was_closed);  // the first one is given up
  EXPECT_EQ(note, "hedge_answered");
  EXPECT_EQ(tries, 2u);
}

TEST_F(ExchangeTest, WaitsForTheHedgeWhenTheFirstTargetFails) {
  definition->hedging = {.delay = Milliseconds(200), .budget = 100};
  build(2);
  begin(kGet);
  const size_t first = backends[0]->received.empty() ? 1 : 0;
  const Clock::time_point deadline = Clock::now() + std::chrono::seconds(20);
  while (backends[1 - first]->received.empty() && Clock::now() < deadline) settle(Milliseconds(5));
  backends[first]->send("HTTP/1.1 200 O");
  settle();
  backends[first]->reset();
  settle();
  EXPECT_FALSE(is_over);
  backends[1 - first]->send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhedge");
  run_to_end();
  EXPECT_TRUE(client->received.ends_with("\r\n\r\nhedge"));
}

TEST_F(ExchangeTest, GivesUpAllTargetsOfARaceWhenTheClientLeaves) {
  definition->hedging = {.delay = Milliseconds(200), .budget = 100};
  build(2);
  begin(kGet);
  const size_t first = backends[0]->received.empty() ? 1 : 0;
  const Clock::time_point deadline = Clock::now() + std::chrono::seconds(20);
  while (backends[1 - first]->received.empty() && Clock::now() < deadline) settle(Milliseconds(5));
  client->reset();
  run_to_end();
  EXPECT_TRUE(backends[0]->was_closed);
  EXPECT_TRUE(backends[1]->was_closed);
  EXPECT_EQ(ended, &kEnds.client_closed);
}

}  // namespace
}  // namespace portcullis::proxy
