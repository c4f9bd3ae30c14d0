// Each point at which an exchange waits for its client, for a policy, or for the right to ask a target; and
// what may come there.
#include "exchange_faults.h"

namespace portcullis::proxy {
namespace {

using ExchangeFaultsTest = FaultWorld;
using enum Afterwards;

const Fault kHeadTimeout{"HeadTimeout",
                         [](FaultWorld& world) { world.settings.timeouts.head = Milliseconds(1); }};
const Fault kAnotherFailsToConnect{"AnotherFailsToConnect", do_nothing, [](FaultWorld& world) {
                                     world.connecting->fail();
                                     world.connecting.reset();
                                   }};

// The client sends its body after a 100 (Continue).
void client_waits_to_continue(FaultWorld& world) {
  world.post("", "ab", "Expect: 100-continue\r\n");
}
bool nothing_is_asked(FaultWorld& world) {
  return world.asked() == 0 && world.client->received.empty();
}

std::vector<FaultPoint> points_before_a_target() {
  return {
      {.name = "WithinTheHeadOfTheRequest",
       .arrive = [](FaultWorld& world) { world.begin("GET /a HT"); },
       .waits = nothing_is_asked,
       .rows = {{kClientGoes, {"", 0, "", kCloses, 0}},
                {kClientEndsItsSide, {"", 0, "", kCloses, 0}},
                {kHeadTimeout, {"head_timeout", 408, "HTTP/1.1 408 ", kCloses, 0}},
                {kWorkerStops, {"", 0, "", kStopped, 0}}}},

      {.name = "APolicyWaits",
       .configure =
           [](FaultWorld& world) {
             world.add([&world](policy::Context& context) { return world.wait_long(context); });
           },
       .arrive = client_gets,
       .waits = a_policy_waits,
       .rows = {{kClientGoes, {"client_closed", 0, "", kCloses, 0}},
                {kWorkerStops, {"client_closed", 0, "", kStopped, 0}}}},

      {.name = "APolicyHoldsTheRequest",
       .configure = [](FaultWorld& world) { world.add_request_holder(100); },
       .arrive = [](FaultWorld& world) { world.post("abc", "de"); },
       .waits = nothing_is_asked,
       .rows = {{kClientGoes, {"body_incomplete", 400, "", kCloses, 0}},
                {kClientEndsItsSide, {"body_incomplete", 400, "HTTP/1.1 400 ", kCloses, 0}},
                {kBodyTimeout, {"body_timeout", 408, "HTTP/1.1 408 ", kCloses, 0}},
                {kWorkerStops, {"client_closed", 0, "", kStopped, 0}}}},

      // The client waits for a 100 (Continue) before it sends its body, and does not take the 100.
      {.name = "AHolderLetsTheClientContinue",
       .configure = [](FaultWorld& world) { world.add_request_holder(100); },
       .approach = client_takes_nothing,
       .arrive = client_waits_to_continue,
       .waits = nothing_is_asked,
       .rows = {{kClientGoes, {"body_incomplete", 400, "", kCloses, 0}},
                {kSendTimeout, {"send_timeout", 400, "", kCloses, 0}},
                {kWorkerStops, {"client_closed", 0, "", kStopped, 0}}}},

      {.name = "TheRequestIsHeldForARetry",
       .configure = [](FaultWorld& world) { world.definition->retries.attempts = 1; },
       .arrive = [](FaultWorld& world) { world.post("abc", "de"); },
       .waits = nothing_is_asked,
       .rows = {{kClientGoes, {"client_closed", 0, "", kCloses, 0}},
                {kClientEndsItsSide, {"client_closed", 0, "", kCloses, 0}},
                {kBodyTimeout, {"body_timeout", 408, "HTTP/1.1 408 ", kCloses, 0}},
                {kWorkerStops, {"client_closed", 0, "", kStopped, 0}}}},

      {.name = "ARetryLetsTheClientContinue",
       .configure = [](FaultWorld& world) { world.definition->retries.attempts = 1; },
       .approach = client_takes_nothing,
       .arrive = client_waits_to_continue,
       .waits = nothing_is_asked,
       .rows = {{kClientGoes, {"client_closed", 0, "", kCloses, 0}},
                {kSendTimeout, {"send_timeout", 0, "", kCloses, 0}},
                {kWorkerStops, {"client_closed", 0, "", kStopped, 0}}}},

      // The try has a connection, but the stage lets no head go before it has seen some of the body.
      {.name = "AStageLetsTheClientContinue",
       .configure = [](FaultWorld& world) { world.add_request_letters(2); },
       .approach = client_takes_nothing,
       .arrive = client_waits_to_continue,
       .waits = nothing_is_asked,
       .rows = {{kClientGoes, {"client_closed", 0, "", kCloses, 1}},
                {kSendTimeout, {"send_timeout", 0, "", kCloses, 1}},
                {kWorkerStops, {"client_closed", 0, "", kStopped, 1}}}},

      {.name = "APolicyWaitsBeforeAnAnswer",
       .configure =
           [](FaultWorld& world) {
             world.add_to_responses([&world](policy::Context& context) { return world.wait_long(context); });
             world.add([](policy::Context&) { return policy::Decision::refuse(kForbiddenWord); });
           },
       .arrive = client_gets,
       .waits = a_policy_waits,
       .rows = {{kClientGoes, {"client_closed", 0, "", kCloses, 0}},
                {kWorkerStops, {"forbidden_word", 0, "", kStopped, 0}}}},

      {.name = "TheClientTakesNoAnswer",
       .configure =
           [](FaultWorld& world) {
             world.add([](policy::Context&) { return policy::Decision::refuse(kForbiddenWord); });
           },
       .approach = client_takes_nothing,
       .arrive = client_gets,
       .waits = nothing_is_asked,
       .rows = {{kClientGoes, {"forbidden_word", 422, "", kCloses, 0}},
                {kSendTimeout, {"send_timeout", 422, "", kCloses, 0}},
                {kWorkerStops, {"forbidden_word", 422, "", kStopped, 0}}}},

      // All connections that the breaker admits are in use.
      {.name = "InTheQueueForAConnection",
       .configure =
           [](FaultWorld& world) {
             world.is_connected = false;
             world.definition->limits.connections = world.definition->limits.pending = 1;
           },
       .approach =
           [](FaultWorld& world) {
             world.place =
                 world.definition->breaker->take(upstream::Load::kConnections, world.definition->limits);
           },
       .arrive = client_gets,
       .waits = [](FaultWorld& world) { return world.open[0]->queue()->waiting() == 1; },
       .rows = {{kClientGoes, {"client_closed", 0, "", kCloses, 0}},
                {kConnectTimeout, {"breaker_connections", 503, "HTTP/1.1 503 ", kGoesOn, 0}},
                {kWorkerStops, {"client_closed", 0, "", kStopped, 0}}}},

      // Another exchange makes the connection to an HTTP/2 target that both will use.
      {.name = "AnotherConnects",
       .configure =
           [](FaultWorld& world) {
             world.is_connected = false;
             world.definition->protocol = upstream::Protocol::kHttp2;
           },
       .approach = [](FaultWorld& world) { world.connecting.emplace(*world.open[0]->http2()); },
       .arrive = client_gets,
       .waits = [](FaultWorld& world) { return world.open[0]->in_flight == 1; },
       .rows = {{kClientGoes, {"client_closed", 0, "", kCloses, 0}},
                {kConnectTimeout, {"connect_timeout", 502, "HTTP/1.1 502 ", kGoesOn, 0}},
                {kAnotherFailsToConnect, {"connect_failed", 502, "HTTP/1.1 502 ", kGoesOn, 0}},
                {kWorkerStops, {"client_closed", 0, "", kStopped, 0}}}},
  };
}

TEST_P(ExchangeFaultsTest, BeforeATargetIsAsked) {
  meet(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Points, ExchangeFaultsTest, ::testing::ValuesIn(cases(points_before_a_target())),
                         name_of_case);

// ---- An errand: a request that a policy sends once more, without a client. There is no line for it.

class ExchangeErrandFaultsTest : public ExchangePolicies {
 protected:
  // The client has its answer, and the errand waits for its target.
  void begin_errand() {
    add([this](Context& context) {
      context.errands->send(sender_, [](Context&) {});
      return Decision::refuse(kForbiddenWord);
    });
    sender_ = policies.back().policy.get();
    build();
    get();
    EXPECT_TRUE(is_over);
    EXPECT_TRUE(client->received.starts_with("HTTP/1.1 422 ")) << client->received;
    EXPECT_TRUE(has(backends[0]->received, "GET /a")) << backends[0]->received;
    EXPECT_EQ(open[0]->in_flight, 1u);
  }
  void expect_end(bool is_closed) {
    EXPECT_EQ(open[0]->in_flight, 0u);
    EXPECT_EQ(backends[0]->was_closed, is_closed);
    EXPECT_EQ(log_lines, 1);
  }

 private:
  const void* sender_ = nullptr;
};

TEST_F(ExchangeErrandFaultsTest, StopsBeforeTheHeadOfTheResponse) {
  begin_errand();
  end();
  expect_end(true);
}

TEST_F(ExchangeErrandFaultsTest, EndsWhenTheTargetGoesWithinTheHeadOfTheResponse) {
  begin_errand();
  backends[0]->send("HTTP/1.1 200 O");
  settle();
  backends[0]->reset();
  settle();
  expect_end(true);
}

TEST_F(ExchangeErrandFaultsTest, StopsWithinTheBodyOfTheResponse) {
  begin_errand();
  answer("abc", "5");
  EXPECT_EQ(open[0]->in_flight, 1u);
  end();
  expect_end(true);
}

TEST_F(ExchangeErrandFaultsTest, EndsWhenTheTargetGoesWithinTheBodyOfTheResponse) {
  begin_errand();
  answer("abc", "5");
  EXPECT_EQ(open[0]->in_flight, 1u);
  backends[0]->finish();
  settle();
  expect_end(true);
}

TEST_F(ExchangeErrandFaultsTest, GivesTheConnectionBackAfterAWholeResponse) {
  begin_errand();
  answer("abc", "5");
  backends[0]->send("de");
  settle();
  expect_end(false);
}

}  // namespace
}  // namespace portcullis::proxy
