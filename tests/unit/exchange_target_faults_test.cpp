// Each point at which an exchange waits while it has a target; and what may come there.
#include "exchange_faults.h"

namespace portcullis::proxy {
namespace {

using ExchangeTargetFaultsTest = FaultWorld;
using enum Afterwards;

// ---- Faults of single points.

// The write to the target has timed out; then the target answers, and would take another request.
const Fault kSendTimeoutBeforeAnAnswer{
    "SendTimeoutBeforeAnAnswer", [](FaultWorld& world) { world.settings.timeouts.send = Milliseconds(1); },
    [](FaultWorld& world) {
      world.run_until([&world] { return world.writes == 2; });
      world.backends[0]->send("HTTP/1.1 204 No Content\r\n\r\n");
    }};
const Fault kSendTimeoutBeforeSilence{
    "SendTimeoutBeforeSilence", [](FaultWorld& world) { world.settings.timeouts.send = Milliseconds(1); },
    [](FaultWorld& world) {
      world.run_until([&world] { return world.writes == 2; });
      world.definition->timeouts.response = Milliseconds(1);
      world.backends[0]->send("H");  // the wait for more of a head has the timeout of this moment
    }};
const Fault kAllAreSilent{"AllAreSilent", do_nothing, [](FaultWorld& world) {
                            world.definition->timeouts.response = Milliseconds(1);
                            for (const auto& backend : world.backends) backend->send("H");
                          }};

// ---- Points.

std::vector<FaultPoint> points_of_the_request() {
  return {
      {.name = "TheTargetTakesNothing",
       .approach = [](FaultWorld& world) { world.backends[0]->take_no_more_than(0); },
       .arrive = [](FaultWorld& world) { world.ask(); },
       .waits = [](FaultWorld& world) { return world.open[0]->in_flight == 1 && world.asked() == 0; },
       .rows = {{kClientGoes, {"client_closed", 0, "", kCloses, 1}},
                {kSendTimeout, {"upstream_send_timeout", 502, "HTTP/1.1 502 ", kGoesOn, 1}},
                {kTargetGoes, {"upstream_reset", 502, "HTTP/1.1 502 ", kGoesOn, 1}},
                {kWorkerStops, {"client_closed", 0, "", kStopped, 1}}}},

      {.name = "TheTargetTakesNoMoreOfTheBody",
       .configure = [](FaultWorld& world) { world.count_writes(); },
       .arrive =
           [](FaultWorld& world) {
             world.post("abc", "de");
             world.backends[0]->take_no_more_than(0);
             world.client->send("de");
           },
       .waits =
           [](FaultWorld& world) {
             return world.writes >= 1 && world.backends[0]->received.ends_with("\r\n\r\nabc");
           },
       .rows = {{kClientGoes, {"client_closed", 0, "", kCloses, 1}},
                {kSendTimeoutBeforeAnAnswer, {"complete", 204, "HTTP/1.1 204 ", kGoesOn, 1}},
                {kSendTimeoutBeforeSilence, {"response_timeout", 504, "HTTP/1.1 504 ", kCloses, 1}},
                {kTargetGoes, {"upstream_reset", 502, "HTTP/1.1 502 ", kCloses, 1}},
                {kTargetEndsItsSide, {"upstream_closed_early", 502, "HTTP/1.1 502 ", kCloses, 1}},
                {kWorkerStops, {"client_closed", 0, "", kStopped, 1}}}},

      {.name = "WithinTheBodyOfTheRequest",
       .arrive = [](FaultWorld& world) { world.post("abc", "de"); },
       .waits = a_target_is_asked,
       .rows = {{kClientGoes, {"client_closed", 0, "", kCloses, 1}},
                {kClientEndsItsSide, {"client_closed", 0, "", kCloses, 1}},
                {kBodyTimeout, {"body_timeout", 408, "HTTP/1.1 408 ", kCloses, 1}},
                {kTotalTimeout, {"total_timeout", 504, "HTTP/1.1 504 ", kCloses, 1}},
                {kTargetGoes, {"upstream_reset", 502, "HTTP/1.1 502 ", kCloses, 1}},
                {kTargetEndsItsSide, {"upstream_closed_early", 502, "HTTP/1.1 502 ", kCloses, 1}},
                {kWorkerStops, {"client_closed", 0, "", kStopped, 1}}}},

      // The target asks to come again in an hour.
      {.name = "BeforeARetry",
       .configure =
           [](FaultWorld& world) {
             world.definition->retries = {
                 .attempts = 1, .status = {{503, 503}}, .max_retry_after = std::chrono::hours(1)};
           },
       .approach = client_gets,
       .arrive =
           [](FaultWorld& world) {
             world.first().send(
                 "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 3600\r\n"
                 "Content-Length: 0\r\n\r\n");
           },
       .waits = [](FaultWorld& world) { return world.first().was_closed && a_target_is_asked(world); },
       .rows = {{kClientGoes, {"client_closed", 0, "", kCloses, 1}},
                {kWorkerStops, {"client_closed", 0, "", kStopped, 1}}},
       .targets = 2},

      {.name = "BeforeAHedge",
       .configure = [](FaultWorld& world) { world.definition->hedging = {.delay = Milliseconds(60'000)}; },
       .arrive = client_gets,
       .waits = a_target_is_asked,
       .rows = {{kClientGoes, {"client_closed", 0, "", kCloses, 1}},
                {kResponseTimeout, {"response_timeout", 504, "HTTP/1.1 504 ", kGoesOn, 1}},
                {kWorkerStops, {"client_closed", 0, "", kStopped, 1}}},
       .targets = 2},

      // The body makes a try on a pooled connection one that is not repeated.
      {.name = "WithinARace",
       .configure =
           [](FaultWorld& world) { world.definition->hedging = {.delay = Milliseconds(1), .budget = 100}; },
       .approach =
           [](FaultWorld& world) {
             world.post("abc");
             world.run_until([&world] { return world.asked() == 2; });
           },
       .waits = [](FaultWorld& world) { return world.asked() == 2; },
       .rows = {{kClientGoes, {"client_closed", 0, "", kCloses, 2}},
                {kTargetGoes, {"upstream_reset", 502, "HTTP/1.1 502 ", kGoesOn, 2}},
                {kAllAreSilent, {"response_timeout", 504, "HTTP/1.1 504 ", kGoesOn, 2}},
                {kWorkerStops, {"client_closed", 0, "", kStopped, 2}}},
       .targets = 2},

      // The first target has failed, so that the client gets what the hedge brings.
      {.name = "ForAHedgeAlone",
       .configure =
           [](FaultWorld& world) { world.definition->hedging = {.delay = Milliseconds(1), .budget = 100}; },
       .arrive =
           [](FaultWorld& world) {
             world.begin_at_once("PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
             MemoryEnd& first = world.first();
             world.run_until([&world] { return world.asked() == 2; });
             first.reset();
           },
       .waits = [](FaultWorld& world) { return world.asked() == 2; },
       .rows = {{kClientGoes, {"client_closed", 0, "", kCloses, 2}},
                {kTargetGoes, {"upstream_reset", 502, "HTTP/1.1 502 ", kGoesOn, 2}},
                {kAllAreSilent, {"upstream_reset", 502, "HTTP/1.1 502 ", kGoesOn, 2}},
                {kWorkerStops, {"client_closed", 0, "", kStopped, 2}}},
       .targets = 2},
  };
}

std::vector<FaultPoint> points_of_the_response() {
  return {
      {.name = "BeforeTheHeadOfTheResponse",
       .arrive = [](FaultWorld& world) { world.ask(); },
       .waits = a_target_is_asked,
       .rows = {{kClientGoes, {"client_closed", 0, "", kCloses, 1}},
                {kResponseTimeout, {"response_timeout", 504, "HTTP/1.1 504 ", kGoesOn, 1}},
                {kTotalTimeout, {"total_timeout", 504, "HTTP/1.1 504 ", kGoesOn, 1}},
                {kTargetGoes, {"upstream_reset", 502, "HTTP/1.1 502 ", kGoesOn, 1}},
                {kTargetEndsItsSide, {"upstream_closed_early", 502, "HTTP/1.1 502 ", kGoesOn, 1}},
                {kWorkerStops, {"client_closed", 0, "", kStopped, 1}}}},

      {.name = "WithinTheHeadOfTheResponse",
       .approach = [](FaultWorld& world) { world.ask(); },
       .arrive = [](FaultWorld& world) { world.backends[0]->send("HTTP/1.1 200 O"); },
       .waits = a_target_is_asked,
       .rows = {{kClientGoes, {"client_closed", 0, "", kCloses, 1}},
                {kResponseTimeout, {"response_timeout", 504, "HTTP/1.1 504 ", kGoesOn, 1}},
                {kTargetGoes, {"upstream_reset", 502, "HTTP/1.1 502 ", kGoesOn, 1}},
                {kTargetEndsItsSide, {"upstream_closed_early", 502, "HTTP/1.1 502 ", kGoesOn, 1}},
                {kWorkerStops, {"client_closed", 0, "", kStopped, 1}}}},

      {.name = "TheClientTakesNoInterimResponse",
       .approach = client_takes_nothing,
       .arrive =
           [](FaultWorld& world) {
             world.ask();
             world.backends[0]->send("HTTP/1.1 103 Early Hints\r\n\r\n");
           },
       .waits = a_target_is_asked,
       .rows = {{kClientGoes, {"client_closed", 0, "", kCloses, 1}},
                {kSendTimeout, {"send_timeout", 0, "", kCloses, 1}},
                {kTargetGoesMeanwhile, {"upstream_reset", 502, "HTTP/1.1 103 ", kGoesOn, 1}},
                {kWorkerStops, {"client_closed", 0, "", kStopped, 1}}}},

      {.name = "TheResponseIsHeld",
       .configure = [](FaultWorld& world) { world.add_holder(100); },
       .approach = client_gets,
       .arrive = [](FaultWorld& world) { world.answer("abc", "5"); },
       .waits = a_target_is_asked,
       .rows = {{kClientGoes, {"client_closed", 0, "", kCloses, 1}},
                {kResponseTimeout, {"response_timeout", 504, "HTTP/1.1 504 ", kGoesOn, 1}},
                {kTargetGoes, {"upstream_closed_early", 502, "HTTP/1.1 502 ", kGoesOn, 1}},
                {kTargetEndsItsSide, {"upstream_closed_early", 502, "HTTP/1.1 502 ", kGoesOn, 1}},
                {kWorkerStops, {"client_closed", 0, "", kStopped, 1}}}},

      {.name = "APolicyWaitsOnAResponse",
       .configure =
           [](FaultWorld& world) {
             world.add_to_responses([&world](policy::Context& context) { return world.wait_long(context); });
           },
       .arrive =
           [](FaultWorld& world) {
             // The loop does not run between both, so that no timeout comes before the policy waits.
             world.begin_at_once("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
             world.answer("abc");
           },
       .waits = a_policy_waits,
       .rows = {{kClientGoes, {"client_closed", 0, "", kCloses, 1}},
                {kTotalTimeout, {"total_timeout", 504, "HTTP/1.1 504 ", kGoesOn, 1}},
                {kWorkerStops, {"client_closed", 0, "", kStopped, 1}}}},

      {.name = "TheClientTakesNoResponse",
       .approach =
           [](FaultWorld& world) {
             world.client->take_no_more_than(0);
             world.get();
           },
       .arrive = [](FaultWorld& world) { world.answer("abc", "5"); },
       .waits = a_target_is_asked,
       .rows = {{kClientGoes, {"client_closed", 200, "", kCloses, 1}},
                {kSendTimeout, {"send_timeout", 200, "", kCloses, 1}},
                {kTargetGoesMeanwhile, {"upstream_closed", 200, "HTTP/1.1 200 ", kIsReset, 1}},
                {kWorkerStops, {"client_closed", 200, "", kStopped, 1}}}},

      {.name = "WithinTheBodyOfTheResponse",
       .approach = client_gets,
       .arrive = [](FaultWorld& world) { world.answer("abc", "5"); },
       .waits = a_target_was_asked,
       .rows = {{kClientGoes, {"client_closed", 200, "HTTP/1.1 200 ", kCloses, 1}},
                {kResponseTimeout, {"upstream_timeout", 200, "HTTP/1.1 200 ", kIsReset, 1}},
                {kTargetGoes, {"upstream_closed", 200, "HTTP/1.1 200 ", kIsReset, 1}},
                {kTargetEndsItsSide, {"upstream_closed", 200, "HTTP/1.1 200 ", kIsReset, 1}},
                {kWorkerStops, {"client_closed", 200, "HTTP/1.1 200 ", kStopped, 1}}}},

      // The policy's own body gives nothing. The target's body was whole, so its connection is free again.
      {.name = "WithinABodyInPlaceOfTheTargets",
       .configure =
           [](FaultWorld& world) {
             world.add_to_responses([](policy::Context& context) {
               context.response_body.replace(std::make_unique<PendingBody>(context.loop));
               return policy::Decision::proceed();
             });
           },
       .approach = client_gets,
       .arrive = [](FaultWorld& world) { world.answer("abc"); },
       .waits = a_target_was_asked,
       .rows = {{kClientGoes, {"client_closed", 200, "HTTP/1.1 200 ", kCloses, 1}},
                {kWorkerStops, {"client_closed", 200, "HTTP/1.1 200 ", kStopped, 1}}}},
  };
}

TEST_P(ExchangeTargetFaultsTest, WhileATargetIsAsked) {
  meet(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Requests, ExchangeTargetFaultsTest,
                         ::testing::ValuesIn(cases(points_of_the_request())), name_of_case);
INSTANTIATE_TEST_SUITE_P(Responses, ExchangeTargetFaultsTest,
                         ::testing::ValuesIn(cases(points_of_the_response())), name_of_case);

}  // namespace
}  // namespace portcullis::proxy
