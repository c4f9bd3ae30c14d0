#include "control/warnings/warnings.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "found_warnings.h"

namespace portcullis::control {
namespace {

TEST(Warnings, HaveNamesInOrder) {
  std::string_view before;
  for (const warnings::Check& check : warnings::checks()) {
    EXPECT_LT(before, check.name);
    before = check.name;
  }
}

TEST(Warnings, NothingServed) {
  EXPECT_EQ(found("version: 1\nlisteners: []\n"),
            Found{"1:nothing_served: there are no `listeners`: no client can connect"});
  const std::string listener = "version: 1\nlisteners: [{name: a, address: '127.0.0.1:1'}]\n";
  EXPECT_EQ(found(listener),
            Found{"1:nothing_served: there are no `routes`: every request is answered with 404"});
  EXPECT_EQ(found(listener + "policies: [respond: {}]\n"), Found{});
}

TEST(Warnings, OwnListeners) {
  const auto warned = [](const std::string& listener, const std::string& target) {
    return found("version: 1\nlisteners: [{name: a, address: '" + listener +
                 "'}]\nupstreams:\n  - {name: app, targets: [{address: '" + target +
                 "'}]}\nroutes: [{name: r, match: {path: /}, upstream: app}]\n");
  };
  EXPECT_EQ(
      warned("127.0.0.1:8080", "localhost:8080"),
      Found{"4:own_listener: target `localhost:8080` is the listener `a` of this gateway, which refuses "
            "requests that come back to it (508)"});
  EXPECT_EQ(warned("0.0.0.0:8080", "127.0.0.2:8080").size(), 1u);
  EXPECT_EQ(warned("unix:/run/a.sock", "unix:/run/a.sock").size(), 1u);
  EXPECT_EQ(warned("127.0.0.1:8080", "127.0.0.1:8081"), Found{});
  EXPECT_EQ(warned("127.0.0.1:8080", "127.0.0.2:8080"), Found{});
  EXPECT_EQ(warned("0.0.0.0:8080", "192.0.2.1:8080"), Found{});
  EXPECT_EQ(warned("0.0.0.0:8080", "app:8080"), Found{});
}

TEST(Warnings, RepeatedTargets) {
  const auto warned = [](const std::string& targets) {
    return found(
        "version: 1\nlisteners: [{name: a, address: '127.0.0.1:1'}]\nupstreams: [{name: app, targets: [" +
        targets + "]}]\nroutes: [{name: r, match: {path: /}, upstream: app}]\n");
  };
  EXPECT_EQ(
      warned("{address: 'a:1'}, {address: 'b:1'}, {address: 'a:1'}"),
      Found{
          "3:repeated_target: upstream `app` has the target `a:1` twice (line 3): for a larger share give it "
          "a `weight`"});
  EXPECT_EQ(warned("{address: 'a:1', metadata: {v: a}}, {address: 'a:1', metadata: {v: b}}"), Found{});
}

TEST(Warnings, TlsPortsWithoutTls) {
  const auto warned = [](const std::string& listener, const std::string& upstream) {
    return found("version: 1\nlisteners: [{name: a, address: '" + listener + "'}]\nupstreams: [{name: app, " +
                 upstream + "}]\nroutes: [{name: r, match: {path: /}, upstream: app}]\n");
  };
  EXPECT_EQ(warned("0.0.0.0:443", "targets: [{address: 'a:80'}]"),
            Found{"2:tls_port_without_tls: listener `a` has the port of HTTPS and no `tls`: clients that "
                  "speak TLS, as "
                  "browsers do there, get no answer"});
  EXPECT_EQ(warned("0.0.0.0:80", "targets: [{address: 'a.example:443'}]"),
            Found{"3:tls_port_without_tls: target `a.example:443` has the port of HTTPS, and upstream `app` "
                  "no `tls`: "
                  "give it `tls: {}`"});
  EXPECT_EQ(warned("0.0.0.0:80", "tls: {}, targets: [{address: 'a.example:443'}]"), Found{});
}

}  // namespace
}  // namespace portcullis::control
