// Finds addresses of targets and listeners that are probably mistakes.

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "control/warnings/warnings.h"
#include "runtime/address.h"

namespace portcullis::control::warnings {
namespace {

constexpr uint16_t kHttpsPort = 443;

// The address of a target, if it is known without asking a name server.
std::optional<SocketAddress> known_address(const std::string& text) {
  constexpr std::string_view kLocalhost = "localhost:";
  const auto address = SocketAddress::parse(
      text.starts_with(kLocalhost) ? "127.0.0.1:" + text.substr(kLocalhost.size()) : text);
  return address ? std::optional(*address) : std::nullopt;
}

// True when a connection to `target` is accepted by the listener.
bool leads_to(const SocketAddress& target, const SocketAddress& listener) {
  if (target.is_unix() || listener.is_unix()) return target.to_string() == listener.to_string();
  if (target.port() != listener.port() || target.port() == 0) return false;
  const std::string host = listener.host();
  return target.host() == host || ((host == "0.0.0.0" || host == "::") && target.is_local());
}

// Calls `visit(target, upstream)` for each target that the configuration names.
template <typename Visit>
void for_each_target(const Facts& facts, Visit visit) {
  for (const config::Upstream& upstream : facts.config().upstreams) {
    for (const config::Target& target : upstream.targets) visit(target, upstream);
  }
}

}  // namespace

void find_own_listeners(const Facts& facts, Report& report) {
  std::vector<std::pair<SocketAddress, const config::Listener*>> listeners;
  for (const config::Listener& one : facts.config().listeners) {
    if (const auto address = SocketAddress::parse(one.address)) listeners.emplace_back(*address, &one);
  }
  for_each_target(facts, [&](const config::Target& target, const config::Upstream&) {
    const auto address = known_address(target.address);
    if (!address) return;
    const auto own = std::find_if(listeners.begin(), listeners.end(),
                                  [&](const auto& one) { return leads_to(*address, one.first); });
    if (own != listeners.end())
      report.add(target.location, "target `" + target.address + "` is the listener `" + own->second->name +
                                      "` of this gateway, which refuses requests that come back to it (508)");
  });
}

void find_repeated_targets(const Facts& facts, Report& report) {
  for (const config::Upstream& upstream : facts.config().upstreams) {
    std::map<std::string_view, const config::Target*> seen;
    for (const config::Target& target : upstream.targets) {
      const auto [first, inserted] = seen.emplace(target.address, &target);
      if (inserted || first->second->metadata != target.metadata) continue;
      report.add(target.location, "upstream `" + upstream.name + "` has the target `" + target.address +
                                      "` twice (" + first->second->location.seen_from(target.location) +
                                      "): for a larger share give it a `weight`");
    }
  }
}

void find_tls_ports_without_tls(const Facts& facts, Report& report) {
  for (const config::Listener& listener : facts.config().listeners) {
    const auto address = SocketAddress::parse(listener.address);
    if (address && address->port() == kHttpsPort && !listener.tls.enabled())
      report.add(listener.location,
                 "listener `" + listener.name +
                     "` has the port of HTTPS and no `tls`: clients that speak TLS, as browsers do "
                     "there, get no answer");
  }
  for_each_target(facts, [&](const config::Target& target, const config::Upstream& upstream) {
    if (!target.address.ends_with(":443") || upstream.tls.enabled()) return;
    report.add(target.location, "target `" + target.address + "` has the port of HTTPS, and upstream `" +
                                    upstream.name + "` no `tls`: give it `tls: {}`");
  });
}

}  // namespace portcullis::control::warnings
