// Each point at which an exchange waits before a tunnel or within one; and what may come there.
#include "exchange_faults.h"

namespace portcullis::proxy {
namespace {

using ExchangeTunnelFaultsTest = FaultWorld;
using enum Afterwards;

constexpr std::string_view kUpgrading = "Host: a\r\nConnection: upgrade\r\nUpgrade: chat\r\nContent-Length: ";
constexpr std::string_view kSwitching =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n";
constexpr std::string_view kSwitchingToWebSocket =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";

// ---- Faults of single points.

const Fault kTunnelTimeout{"TunnelTimeout",
                           [](FaultWorld& world) { world.definition->timeouts.tunnel = Milliseconds(1); }};
const Fault kBothEndTheirSides{"BothEndTheirSides", do_nothing, [](FaultWorld& world) {
                                 world.client->finish();
                                 world.settle();
                                 EXPECT_TRUE(world.backends[0]->saw_finish);
                                 EXPECT_FALSE(world.is_over);
                                 world.backends[0]->finish();
                               }};
void let_target_take(FaultWorld& world) {
  world.backends[0]->take_no_more_than(SIZE_MAX);
  for (const auto& backend : world.http2_backends) backend->reads = true;
}
// What the client has sent reaches the target although the client has gone.
const Fault kClientGoesMeanwhile{"ClientGoesMeanwhile", do_nothing, [](FaultWorld& world) {
                                   world.client->reset();
                                   world.settle();
                                   EXPECT_FALSE(world.is_over);  // the target is waited for
                                   let_target_take(world);
                                 }};
// The target is then asked as one that knows no tunnels.
const Fault kConnectTimeoutBeforeSilence{"ConnectTimeoutBeforeSilence", [](FaultWorld& world) {
                                           world.definition->timeouts.connect = Milliseconds(1);
                                           world.definition->timeouts.response = Milliseconds(1);
                                         }};

// ---- Points.

void permit_chat(FaultWorld& world) {
  world.upgrades = {"chat"};
}
void ask_for_chat(FaultWorld& world) {
  world.begin("POST /a HTTP/1.1\r\n" + std::string(kUpgrading) + "0\r\n\r\n");
}
bool the_client_took_only_the_head(FaultWorld& world) {
  return world.client->received.starts_with("HTTP/1.1 101 ") && world.client->received.ends_with("\r\n\r\n");
}
bool the_target_took_only_the_head(FaultWorld& world) {
  return world.client->received.starts_with("HTTP/1.1 101 ") &&
         world.backends[0]->received.ends_with("\r\n\r\n");
}

std::vector<FaultPoint> points_of_http1() {
  return {
      // The target switches protocols before the whole request has come.
      {.name = "TheRestOfTheRequestBeforeATunnel",
       .configure = permit_chat,
       .approach =
           [](FaultWorld& world) {
             world.begin("POST /a HTTP/1.1\r\n" + std::string(kUpgrading) + "5\r\n\r\nabc");
           },
       .arrive = [](FaultWorld& world) { world.backends[0]->send(kSwitching); },
       .waits = a_target_is_asked,
       .rows = {{kClientGoes, {"client_closed", 0, "", kCloses, 1}},
                {kClientEndsItsSide, {"client_closed", 0, "", kCloses, 1}},
                {kWorkerStops, {"client_closed", 0, "", kStopped, 1}}}},

      {.name = "TheClientTakesNoSwitchOfProtocols",
       .configure = permit_chat,
       .approach = client_takes_nothing,
       .arrive =
           [](FaultWorld& world) {
             ask_for_chat(world);
             world.backends[0]->send(kSwitching);
           },
       .waits = a_target_is_asked,
       .rows = {{kClientGoes, {"client_closed", 101, "", kCloses, 1}},
                {kSendTimeout, {"send_timeout", 101, "", kCloses, 1}},
                {kWorkerStops, {"client_closed", 101, "", kStopped, 1}}}},

      {.name = "WithinATunnel",
       .configure = permit_chat,
       .approach = ask_for_chat,
       .arrive = [](FaultWorld& world) { world.backends[0]->send(kSwitching); },
       .waits = a_target_was_asked,
       .rows = {{kClientGoes, {"tunnel_closed", 101, "HTTP/1.1 101 ", kCloses, 1}},
                {kTargetGoes, {"tunnel_closed", 101, "HTTP/1.1 101 ", kCloses, 1}},
                {kBothEndTheirSides, {"tunnel_closed", 101, "HTTP/1.1 101 ", kCloses, 1}},
                {kTunnelTimeout, {"tunnel_idle", 101, "HTTP/1.1 101 ", kCloses, 1}},
                {kWorkerStops, {"client_closed", 101, "HTTP/1.1 101 ", kStopped, 1}}}},

      {.name = "TheClientTakesNothingOfATunnel",
       .configure = permit_chat,
       .approach =
           [](FaultWorld& world) {
             ask_for_chat(world);
             world.client->take_nothing_behind("\r\n\r\n");
           },
       .arrive = [](FaultWorld& world) { world.backends[0]->send(std::string(kSwitching) + "hello"); },
       .waits = the_client_took_only_the_head,
       .rows = {{kClientGoes, {"tunnel_closed", 101, "HTTP/1.1 101 ", kCloses, 1}},
                {kTargetGoesMeanwhile, {"tunnel_closed", 101, "HTTP/1.1 101 ", kCloses, 1}},
                {kTunnelTimeout, {"tunnel_idle", 101, "HTTP/1.1 101 ", kCloses, 1}},
                {kWorkerStops, {"client_closed", 101, "HTTP/1.1 101 ", kStopped, 1}}}},

      {.name = "TheTargetTakesNothingOfATunnel",
       .configure = permit_chat,
       .approach =
           [](FaultWorld& world) {
             ask_for_chat(world);
             world.backends[0]->take_no_more_than(0);
             world.client->send("hello");
           },
       .arrive = [](FaultWorld& world) { world.backends[0]->send(kSwitching); },
       .waits = the_target_took_only_the_head,
       .rows = {{kClientGoesMeanwhile, {"tunnel_closed", 101, "HTTP/1.1 101 ", kCloses, 1}},
                {kTargetGoes, {"tunnel_closed", 101, "HTTP/1.1 101 ", kCloses, 1}},
                {kTunnelTimeout, {"tunnel_idle", 101, "HTTP/1.1 101 ", kCloses, 1}},
                {kWorkerStops, {"client_closed", 101, "HTTP/1.1 101 ", kStopped, 1}}}},

      {.name = "NeitherTakesAnythingOfATunnel",
       .configure = permit_chat,
       .approach =
           [](FaultWorld& world) {
             ask_for_chat(world);
             world.client->take_nothing_behind("\r\n\r\n");
             world.backends[0]->take_no_more_than(0);
             world.client->send("hello");
           },
       .arrive = [](FaultWorld& world) { world.backends[0]->send(std::string(kSwitching) + "hello"); },
       .waits =
           [](FaultWorld& world) {
             return the_client_took_only_the_head(world) && the_target_took_only_the_head(world);
           },
       .rows = {{kClientGoes, {"tunnel_closed", 101, "HTTP/1.1 101 ", kCloses, 1}},
                {kTargetGoes, {"tunnel_closed", 101, "HTTP/1.1 101 ", kCloses, 1}},
                {kTunnelTimeout, {"tunnel_idle", 101, "HTTP/1.1 101 ", kCloses, 1}},
                {kWorkerStops, {"client_closed", 101, "HTTP/1.1 101 ", kStopped, 1}}}},
  };
}

void permit_websockets(FaultWorld& world) {
  world.upgrades = {"websocket"};
}
// A WebSocket over HTTP/2 (RFC 8441).
void ask_for_websocket_by_http2(FaultWorld& world) {
  world.connect_http2();
  world.http2_client->send_head({{":method", "CONNECT"},
                                 {":protocol", "websocket"},
                                 {":scheme", "http"},
                                 {":authority", "a"},
                                 {":path", "/a"},
                                 {"sec-websocket-version", "13"}},
                                false);
  world.settle();
}

std::vector<FaultPoint> points_of_an_http2_client() {
  return {
      {.name = "WithinATunnel",
       .configure = permit_websockets,
       .approach = ask_for_websocket_by_http2,
       .arrive = [](FaultWorld& world) { world.backends[0]->send(kSwitchingToWebSocket); },
       .waits = [](FaultWorld& world) { return world.answered() == "HTTP/2 200 "; },
       .rows = {{kClientGoes, {"tunnel_closed", 200, "HTTP/2 200 ", kCloses, 1}},
                {kClientResetsItsStream, {"tunnel_closed", 200, "HTTP/2 200 ", kGoesOn, 1}},
                {kTargetGoes, {"tunnel_closed", 200, "HTTP/2 200 ", kIsReset, 1}},
                {kTunnelTimeout, {"tunnel_idle", 200, "HTTP/2 200 ", kIsReset, 1}},
                {kWorkerStops, {"client_closed", 200, "HTTP/2 200 ", kStopped, 1}}}},

      {.name = "TheClientOpensNoWindow",
       .configure =
           [](FaultWorld& world) {
             permit_websockets(world);
             world.http2_settings.stream_window = 2;
           },
       .approach =
           [](FaultWorld& world) {
             ask_for_websocket_by_http2(world);
             world.http2_client->reads = false;
           },
       .arrive =
           [](FaultWorld& world) { world.backends[0]->send(std::string(kSwitchingToWebSocket) + "hello"); },
       .waits = [](FaultWorld& world) { return world.answered() == "HTTP/2 200 "; },
       .rows = {{kClientGoes, {"tunnel_closed", 200, "HTTP/2 200 ", kCloses, 1}},
                {kClientResetsItsStream, {"tunnel_closed", 200, "HTTP/2 200 ", kGoesOn, 1}},
                {kTargetGoesMeanwhile, {"tunnel_closed", 200, "HTTP/2 200 hello", kIsReset, 1}},
                {kTunnelTimeout, {"tunnel_idle", 200, "HTTP/2 200 ", kIsReset, 1}},
                {kWorkerStops, {"client_closed", 200, "HTTP/2 200 ", kStopped, 1}}}},
  };
}

void permit_websockets_to_http2(FaultWorld& world) {
  permit_websockets(world);
  world.definition->protocol = upstream::Protocol::kHttp2;
}
void ask_for_websocket(FaultWorld& world) {
  world.begin(
      "GET /a HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n");
}
void target_switches(FaultWorld& world) {
  world.http2_backends[0]->send_head({{":status", "200"}}, false);
  world.settle();
}

std::vector<FaultPoint> points_of_an_http2_target() {
  return {
      // Whether the target can make a tunnel is known when its settings have come.
      {.name = "TheTargetSendsNoSettings",
       .configure =
           [](FaultWorld& world) {
             permit_websockets_to_http2(world);
             world.is_connected = false;
             world.sockets.connect_error = 0;
           },
       .arrive = ask_for_websocket,
       .waits = [](FaultWorld& world) { return world.open[0]->in_flight == 1 && world.sockets.begun() == 1; },
       .rows = {{kClientGoes, {"client_closed", 0, "", kCloses, 0}},
                {kConnectTimeoutBeforeSilence, {"response_timeout", 504, "HTTP/1.1 504 ", kGoesOn, 0}},
                {kNewTargetGoes, {"upstream_reset", 502, "HTTP/1.1 502 ", kGoesOn, 1}},
                {kWorkerStops, {"client_closed", 0, "", kStopped, 0}}}},

      {.name = "WithinATunnel",
       .configure = permit_websockets_to_http2,
       .approach = ask_for_websocket,
       .arrive = target_switches,
       .waits = the_client_took_only_the_head,
       .rows = {{kClientGoes, {"tunnel_closed", 101, "HTTP/1.1 101 ", kCloses, 1}},
                {kTargetGoes, {"tunnel_closed", 101, "HTTP/1.1 101 ", kCloses, 1}},
                {kTargetResetsTheStream, {"tunnel_closed", 101, "HTTP/1.1 101 ", kCloses, 0}},
                {kTunnelTimeout, {"tunnel_idle", 101, "HTTP/1.1 101 ", kCloses, 1}},
                {kWorkerStops, {"client_closed", 101, "HTTP/1.1 101 ", kStopped, 1}}}},

      {.name = "TheTargetOpensNoWindow",
       .configure =
           [](FaultWorld& world) {
             permit_websockets_to_http2(world);
             world.http2_settings.stream_window = 2;
           },
       .approach =
           [](FaultWorld& world) {
             ask_for_websocket(world);
             world.http2_backends[0]->reads = false;
             world.client->send("hello");
           },
       .arrive = target_switches,
       .waits = the_client_took_only_the_head,
       .rows = {{kClientGoesMeanwhile, {"tunnel_closed", 101, "HTTP/1.1 101 ", kCloses, 1}},
                {kTargetGoes, {"tunnel_closed", 101, "HTTP/1.1 101 ", kCloses, 1}},
                {kTargetResetsTheStream, {"tunnel_closed", 101, "HTTP/1.1 101 ", kCloses, 0}},
                {kTunnelTimeout, {"tunnel_idle", 101, "HTTP/1.1 101 ", kCloses, 1}},
                {kWorkerStops, {"client_closed", 101, "HTTP/1.1 101 ", kStopped, 1}}}},
  };
}

TEST_P(ExchangeTunnelFaultsTest, BeforeAndWithinATunnel) {
  meet(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Http1, ExchangeTunnelFaultsTest, ::testing::ValuesIn(cases(points_of_http1())),
                         name_of_case);
INSTANTIATE_TEST_SUITE_P(Http2Clients, ExchangeTunnelFaultsTest,
                         ::testing::ValuesIn(cases(points_of_an_http2_client())), name_of_case);
INSTANTIATE_TEST_SUITE_P(Http2Targets, ExchangeTunnelFaultsTest,
                         ::testing::ValuesIn(cases(points_of_an_http2_target())), name_of_case);

}  // namespace
}  // namespace portcullis::proxy
