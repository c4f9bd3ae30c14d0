// Each point at which an exchange waits while it opens a connection to a target; and what may come there.
#include "exchange_faults.h"

namespace portcullis::proxy {
namespace {

using ExchangeConnectFaultsTest = FaultWorld;
using enum Afterwards;

// ---- Faults of single points.

// What the system says at once, or what becomes of a target that is being connected to.
template <int error>
Fault connect_says(std::string name) {
  return {std::move(name), [](FaultWorld& world) { world.sockets.connect_error = error; }};
}
const Fault kRefused = connect_says<ECONNREFUSED>("Refused");
const Fault kUnreachable = connect_says<ENETUNREACH>("Unreachable");
const Fault kNoDescriptors{"NoDescriptors", [](FaultWorld& world) { world.sockets.socket_error = EMFILE; }};
const Fault kNewTargetEndsItsSide{"TargetEndsItsSide", do_nothing,
                                  [](FaultWorld& world) { world.sockets.finish(); }};
const Fault kTargetSpeaksNoTls{"TargetSpeaksNoTls", do_nothing, [](FaultWorld& world) {
                                 world.sockets.send("HTTP/1.1 400 Bad Request\r\n\r\n");
                               }};

// ---- Points.

void connects(FaultWorld& world) {
  world.is_connected = false;
}
void connects_at_once(FaultWorld& world) {
  world.is_connected = false;
  world.sockets.connect_error = 0;
}
bool a_target_is_connected_to(FaultWorld& world) {
  return world.open[0]->in_flight == 1 && world.sockets.begun() == 1 && world.sockets.closed() == 0 &&
         world.client->received.empty();
}

std::vector<FaultPoint> points_of_a_connect() {
  return {
      {.name = "TheTargetDoesNotAccept",
       .configure = connects,
       .arrive = client_gets,
       .waits = a_target_is_connected_to,
       .rows = {{kClientGoes, {"client_closed", 0, "", kCloses, 1}},
                {kConnectTimeout, {"connect_timeout", 502, "HTTP/1.1 502 ", kGoesOn, 1}},
                {kTotalTimeout, {"total_timeout", 504, "HTTP/1.1 504 ", kGoesOn, 1}},
                {kRefused, {"connect_refused", 502, "HTTP/1.1 502 ", kGoesOn, 1}},
                {kUnreachable, {"connect_unreachable", 502, "HTTP/1.1 502 ", kGoesOn, 1}},
                {kNoDescriptors, {"connect_no_descriptors", 502, "HTTP/1.1 502 ", kGoesOn, 0}},
                {kNewTargetGoes, {"connect_failed", 502, "HTTP/1.1 502 ", kGoesOn, 1}},
                {kWorkerStops, {"client_closed", 0, "", kStopped, 1}}}},

      {.name = "NoTargetAccepts",
       .configure = connects,
       .arrive = client_gets,
       .waits = a_target_is_connected_to,
       .rows = {{kConnectTimeout, {"connect_timeout", 502, "HTTP/1.1 502 ", kGoesOn, 2}},
                {kRefused, {"connect_refused", 502, "HTTP/1.1 502 ", kGoesOn, 2}}},
       .targets = 2},

      // The request's body waits until there is a connection.
      {.name = "TheTargetDoesNotAcceptBeforeABody",
       .configure = connects,
       .arrive = [](FaultWorld& world) { world.post("abc", "de"); },
       .waits = a_target_is_connected_to,
       .rows = {{kClientGoes, {"client_closed", 0, "", kCloses, 1}},
                {kConnectTimeout, {"connect_timeout", 502, "HTTP/1.1 502 ", kCloses, 1}},
                {kRefused, {"connect_refused", 502, "HTTP/1.1 502 ", kCloses, 1}},
                {kWorkerStops, {"client_closed", 0, "", kStopped, 1}}}},

      {.name = "TheTargetTakesNoProxyHeader",
       .configure =
           [](FaultWorld& world) {
             connects_at_once(world);
             world.definition->proxy_protocol = upstream::ProxyProtocol::k1;
             world.sockets.takes_no_bytes = true;
           },
       .arrive = client_gets,
       .waits = a_target_is_connected_to,
       .rows = {{kClientGoes, {"client_closed", 0, "", kCloses, 1}},
                {kConnectTimeout, {"upstream_send_timeout", 502, "HTTP/1.1 502 ", kGoesOn, 1}},
                {kWorkerStops, {"client_closed", 0, "", kStopped, 1}}}},

      {.name = "WithinTheTlsHandshake",
       .configure =
           [](FaultWorld& world) {
             connects_at_once(world);
             tls::ClientSettings settings;
             settings.verify = false;  // the system may have no authorities
             world.definition->tls = *tls::ClientContext::make(settings);
           },
       .arrive = client_gets,
       .waits = a_target_is_connected_to,
       .rows = {{kClientGoes, {"client_closed", 0, "", kCloses, 1}},
                {kConnectTimeout, {"connect_tls_timeout", 502, "HTTP/1.1 502 ", kGoesOn, 1}},
                {kTotalTimeout, {"total_timeout", 504, "HTTP/1.1 504 ", kGoesOn, 1}},
                {kNewTargetGoes, {"connect_tls_failed", 502, "HTTP/1.1 502 ", kGoesOn, 1}},
                {kNewTargetEndsItsSide, {"connect_tls_failed", 502, "HTTP/1.1 502 ", kGoesOn, 1}},
                {kTargetSpeaksNoTls, {"connect_tls_failed", 502, "HTTP/1.1 502 ", kGoesOn, 1}},
                {kWorkerStops, {"client_closed", 0, "", kStopped, 1}}}},

      {.name = "AnHttp2TargetDoesNotAccept",
       .configure =
           [](FaultWorld& world) {
             connects(world);
             world.definition->protocol = upstream::Protocol::kHttp2;
           },
       .arrive = client_gets,
       .waits = a_target_is_connected_to,
       .rows = {{kClientGoes, {"client_closed", 0, "", kCloses, 1}},
                {kConnectTimeout, {"connect_timeout", 502, "HTTP/1.1 502 ", kGoesOn, 1}},
                {kRefused, {"connect_refused", 502, "HTTP/1.1 502 ", kGoesOn, 1}},
                {kNewTargetGoes, {"connect_failed", 502, "HTTP/1.1 502 ", kGoesOn, 1}},
                {kWorkerStops, {"client_closed", 0, "", kStopped, 1}}}},

      // The exchange has a new connection, on which the target is silent.
      {.name = "TheTargetHasAccepted",
       .configure = connects,
       .approach = client_gets,
       .arrive = [](FaultWorld& world) { world.sockets.admit(); },
       .waits = a_target_is_connected_to,
       .rows = {{kClientGoes, {"client_closed", 0, "", kCloses, 1}},
                {kResponseTimeout, {"response_timeout", 504, "HTTP/1.1 504 ", kGoesOn, 1}},
                {kNewTargetGoes, {"upstream_reset", 502, "HTTP/1.1 502 ", kGoesOn, 1}},
                {kNewTargetEndsItsSide, {"upstream_closed_early", 502, "HTTP/1.1 502 ", kGoesOn, 1}},
                {kWorkerStops, {"client_closed", 0, "", kStopped, 1}}}},
  };
}

TEST_P(ExchangeConnectFaultsTest, WhileATargetIsConnectedTo) {
  meet(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Points, ExchangeConnectFaultsTest, ::testing::ValuesIn(cases(points_of_a_connect())),
                         name_of_case);

}  // namespace
}  // namespace portcullis::proxy
