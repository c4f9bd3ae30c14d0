// Each point at which an exchange waits for a client or a target that speaks HTTP/2; and what may come there.
#include "exchange_faults.h"

namespace portcullis::proxy {
namespace {

using ExchangeHttp2FaultsTest = FaultWorld;
using enum Afterwards;

// ---- Faults of single points.

// A client that opens no more streams still waits for the responses to those that it has opened.
const Fault kClientGoesAway{"ClientGoesAway", do_nothing, [](FaultWorld& world) {
                              world.http2_client->go_away(0);
                              world.settle();
                              EXPECT_FALSE(world.is_over);
                              world.answer("abc");
                            }};
// The request is then sent on a new connection, which the target does not accept.
const Fault kTargetRefusesTheStream{"TargetRefusesTheStream", do_nothing, [](FaultWorld& world) {
                                      world.sockets.connect_error = ECONNREFUSED;
                                      world.http2_backends[0]->reset_stream(NGHTTP2_REFUSED_STREAM);
                                    }};
const Fault kTargetGoesAwayBeforeTheStream{"TargetGoesAwayBeforeTheStream", do_nothing,
                                           [](FaultWorld& world) {
                                             world.sockets.connect_error = ECONNREFUSED;
                                             world.http2_backends[0]->go_away(0);
                                           }};
void target_answers(FaultWorld& world, std::string_view status) {
  world.http2_backends[0]->send_head({{":status", status}}, true);
}
const Fault kTargetGoesAwayBehindTheStream{"TargetGoesAwayBehindTheStream", do_nothing,
                                           [](FaultWorld& world) {
                                             world.http2_backends[0]->go_away(1);
                                             world.settle();
                                             EXPECT_FALSE(world.is_over);
                                             target_answers(world, "204");
                                           }};
const Fault kTargetGoesAwayAndEndsTheBody{"TargetGoesAwayAndEndsTheBody", do_nothing, [](FaultWorld& world) {
                                            world.http2_backends[0]->go_away(1);
                                            world.settle();
                                            EXPECT_FALSE(world.is_over);
                                            world.http2_backends[0]->finish();
                                          }};
// The write to the target has timed out; then the target answers.
const Fault kWindowTimeoutBeforeAnAnswer{
    "SendTimeoutBeforeAnAnswer", [](FaultWorld& world) { world.settings.timeouts.send = Milliseconds(1); },
    [](FaultWorld& world) {
      world.run_until([&world] { return world.writes == 1; });
      target_answers(world, "204");
    }};
// The wait for the head lasts for the timeouts of the request's body and of the response together.
const Fault kWindowTimeoutBeforeSilence{
    "SendTimeoutBeforeSilence", [](FaultWorld& world) {
      for (Milliseconds* const timeout : {&world.settings.timeouts.send, &world.settings.timeouts.body,
                                          &world.definition->timeouts.response})
        *timeout = Milliseconds(1);
    }};

// ---- Points.

void ask_by_http2(FaultWorld& world) {
  world.connect_http2();
  world.http2_client->send_head(
      {{":method", "POST"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/a"}}, true);
  world.settle();
}
std::vector<FaultPoint> points_of_a_client() {
  return {
      {.name = "BeforeTheHeadOfTheResponse",
       .arrive = ask_by_http2,
       .waits = a_target_is_asked,
       .rows = {{kClientGoes, {"client_closed", 0, "", kCloses, 1}},
                {kClientEndsItsSide, {"client_closed", 0, "", kCloses, 1}},
                {kClientResetsItsStream, {"client_closed", 0, "", kGoesOn, 1}},
                {kClientGoesAway, {"complete", 200, "HTTP/2 200 abc", kGoesOn, 0}},
                {kResponseTimeout, {"response_timeout", 504, "HTTP/2 504 ", kGoesOn, 1}},
                {kTargetGoes, {"upstream_reset", 502, "HTTP/2 502 ", kGoesOn, 1}},
                {kWorkerStops, {"client_closed", 0, "", kStopped, 1}}}},

      {.name = "WithinTheBodyOfTheRequest",
       .arrive =
           [](FaultWorld& world) {
             world.connect_http2();
             world.http2_client->send_head({{":method", "POST"},
                                            {":scheme", "http"},
                                            {":authority", "a"},
                                            {":path", "/a"},
                                            {"content-length", "5"}},
                                           false);
             world.http2_client->send_body("abc");
             world.settle();
           },
       .waits = a_target_is_asked,
       .rows = {{kClientGoes, {"client_closed", 0, "", kCloses, 1}},
                {kClientResetsItsStream, {"client_closed", 0, "", kGoesOn, 1}},
                {kBodyTimeout, {"body_timeout", 408, "HTTP/2 408 ", kIsReset, 1}},
                {kTargetGoes, {"upstream_reset", 502, "HTTP/2 502 ", kIsReset, 1}},
                {kWorkerStops, {"client_closed", 0, "", kStopped, 1}}}},

      {.name = "APolicyWaits",
       .configure =
           [](FaultWorld& world) {
             world.add([&world](policy::Context& context) { return world.wait_long(context); });
           },
       .arrive = ask_by_http2,
       .waits = a_policy_waits,
       .rows = {{kClientGoes, {"client_closed", 0, "", kCloses, 0}},
                {kClientResetsItsStream, {"client_closed", 0, "", kGoesOn, 0}},
                {kWorkerStops, {"client_closed", 0, "", kStopped, 0}}}},

      {.name = "WithinTheBodyOfTheResponse",
       .approach = ask_by_http2,
       .arrive = [](FaultWorld& world) { world.answer("abc", "5"); },
       .waits = [](FaultWorld& world) { return world.answered() == "HTTP/2 200 abc"; },
       .rows = {{kClientGoes, {"client_closed", 200, "HTTP/2 200 abc", kCloses, 1}},
                {kClientResetsItsStream, {"client_closed", 200, "HTTP/2 200 abc", kGoesOn, 1}},
                {kResponseTimeout, {"upstream_timeout", 200, "HTTP/2 200 abc", kIsReset, 1}},
                {kTargetGoes, {"upstream_closed", 200, "HTTP/2 200 abc", kIsReset, 1}},
                {kWorkerStops, {"client_closed", 200, "HTTP/2 200 abc", kStopped, 1}}}},

      {.name = "TheClientOpensNoWindow",
       .configure = [](FaultWorld& world) { world.http2_settings.stream_window = 2; },
       .approach =
           [](FaultWorld& world) {
             ask_by_http2(world);
             world.http2_client->reads = false;
           },
       .arrive = [](FaultWorld& world) { world.answer("abc", "5"); },
       .waits = [](FaultWorld& world) { return world.answered() == "HTTP/2 200 "; },
       .rows = {{kClientGoes, {"client_closed", 200, "HTTP/2 200 ", kCloses, 1}},
                {kClientResetsItsStream, {"client_closed", 200, "HTTP/2 200 ", kGoesOn, 1}},
                {kSendTimeout, {"send_timeout", 200, "HTTP/2 200 ", kIsReset, 1}},
                {kTargetGoesMeanwhile, {"upstream_closed", 200, "HTTP/2 200 abc", kIsReset, 1}},
                {kWorkerStops, {"client_closed", 200, "HTTP/2 200 ", kStopped, 1}}}},
  };
}

void targets_speak_http2(FaultWorld& world) {
  world.definition->protocol = upstream::Protocol::kHttp2;
}

std::vector<FaultPoint> points_of_a_target() {
  return {
      {.name = "BeforeTheHeadOfTheResponse",
       .configure = targets_speak_http2,
       .arrive = [](FaultWorld& world) { world.ask(); },
       .waits = a_target_is_asked,
       .rows = {{kClientGoes, {"client_closed", 0, "", kCloses, 1}},
                {kResponseTimeout, {"response_timeout", 504, "HTTP/1.1 504 ", kGoesOn, 1}},
                {kTotalTimeout, {"total_timeout", 504, "HTTP/1.1 504 ", kGoesOn, 1}},
                {kTargetGoes, {"upstream_reset", 502, "HTTP/1.1 502 ", kGoesOn, 1}},
                {kTargetEndsItsSide, {"upstream_reset", 502, "HTTP/1.1 502 ", kGoesOn, 1}},
                {kTargetResetsTheStream, {"upstream_reset", 502, "HTTP/1.1 502 ", kGoesOn, 0}},
                {kTargetRefusesTheStream, {"connect_refused", 502, "HTTP/1.1 502 ", kGoesOn, 1}},
                {kTargetGoesAwayBeforeTheStream, {"connect_refused", 502, "HTTP/1.1 502 ", kGoesOn, 2}},
                {kTargetGoesAwayBehindTheStream, {"complete", 204, "HTTP/1.1 204 ", kGoesOn, 1}},
                {kWorkerStops, {"client_closed", 0, "", kStopped, 1}}}},

      {.name = "WithinTheBodyOfTheRequest",
       .configure = targets_speak_http2,
       .arrive = [](FaultWorld& world) { world.post("abc", "de"); },
       .waits = a_target_is_asked,
       .rows = {{kClientGoes, {"client_closed", 0, "", kCloses, 1}},
                {kBodyTimeout, {"body_timeout", 408, "HTTP/1.1 408 ", kCloses, 1}},
                {kTargetGoes, {"upstream_reset", 502, "HTTP/1.1 502 ", kCloses, 1}},
                {kTargetResetsTheStream, {"upstream_reset", 502, "HTTP/1.1 502 ", kCloses, 0}},
                {kTargetRefusesTheStream, {"upstream_refused", 502, "HTTP/1.1 502 ", kCloses, 0}},
                {kWorkerStops, {"client_closed", 0, "", kStopped, 1}}}},

      {.name = "TheTargetOpensNoWindow",
       .configure =
           [](FaultWorld& world) {
             targets_speak_http2(world);
             world.http2_settings.stream_window = 2;
             world.count_writes();
           },
       .approach = [](FaultWorld& world) { world.http2_backends[0]->reads = false; },
       .arrive = [](FaultWorld& world) { world.post("abc", "de"); },
       .waits = a_target_is_asked,
       .rows = {{kClientGoes, {"client_closed", 0, "", kCloses, 1}},
                {kWindowTimeoutBeforeAnAnswer, {"complete", 204, "HTTP/1.1 204 ", kCloses, 1}},
                {kWindowTimeoutBeforeSilence, {"response_timeout", 504, "HTTP/1.1 504 ", kCloses, 1}},
                {kTargetGoes, {"upstream_reset", 502, "HTTP/1.1 502 ", kCloses, 1}},
                {kTargetResetsTheStream, {"upstream_reset", 502, "HTTP/1.1 502 ", kCloses, 0}},
                {kWorkerStops, {"client_closed", 0, "", kStopped, 1}}}},

      {.name = "WithinTheBodyOfTheResponse",
       .configure = targets_speak_http2,
       .approach = client_gets,
       .arrive =
           [](FaultWorld& world) {
             world.http2_backends[0]->send_head({{":status", "200"}}, false);
             world.http2_backends[0]->send_body("abc");
             world.settle();
           },
       .waits = [](FaultWorld& world) { return world.answered().ends_with("\r\n3\r\nabc\r\n"); },
       .rows = {{kClientGoes, {"client_closed", 200, "HTTP/1.1 200 ", kCloses, 1}},
                {kResponseTimeout, {"upstream_timeout", 200, "HTTP/1.1 200 ", kIsReset, 1}},
                {kTargetGoes, {"upstream_closed", 200, "HTTP/1.1 200 ", kIsReset, 1}},
                {kTargetResetsTheStream, {"upstream_closed", 200, "HTTP/1.1 200 ", kIsReset, 0}},
                {kTargetGoesAwayAndEndsTheBody, {"complete", 200, "HTTP/1.1 200 ", kGoesOn, 1}},
                {kWorkerStops, {"client_closed", 200, "HTTP/1.1 200 ", kStopped, 1}}}},
  };
}

TEST_P(ExchangeHttp2FaultsTest, WhileAPeerSpeaksHttp2) {
  meet(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Clients, ExchangeHttp2FaultsTest, ::testing::ValuesIn(cases(points_of_a_client())),
                         name_of_case);
INSTANTIATE_TEST_SUITE_P(Targets, ExchangeHttp2FaultsTest, ::testing::ValuesIn(cases(points_of_a_target())),
                         name_of_case);

}  // namespace
}  // namespace portcullis::proxy
