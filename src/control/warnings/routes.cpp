// Finds routes that get no requests, or whose upstream cannot handle their requests.

#include <re2/re2.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "control/warnings/warnings.h"
#include "routing/explain.h"

namespace portcullis::control::warnings {
namespace {

// True when the expression matches no whole path. A path begins with `/`.
bool excludes_all_paths(const std::string& expression) {
  if (expression.empty()) return false;
  const re2::RE2 whole("^(?:" + expression + ")$", re2::RE2::Quiet);
  std::string min, max;
  constexpr int kLength = 16;
  if (!whole.ok() || !whole.PossibleMatchRange(&min, &max, kLength)) return false;
  return max < "/" || min >= "0";  // `0` is the character after `/`
}

}  // namespace

void find_nothing_served(const Facts& facts, Report& report) {
  const config::Config& config = facts.config();
  // Objects may come through the admin API.
  if (config::writes_of(config.admin, config.store) != config::AdminWrites::kFiles) return;
  const std::vector<PlacedUse>& shared = facts.shared();
  const auto answers = [](const PlacedUse& one) { return one.use->traits.answers_all; };
  if (config.listeners.empty()) {
    report.add(config.location, "there are no `listeners`: no client can connect");
  } else if (config.routes.empty() && std::none_of(shared.begin(), shared.end(), answers)) {
    report.add(config.location, "there are no `routes`: every request is answered with 404");
  }
}

void find_unreachable_routes(const Facts& facts, Report& report) {
  for (const config::Route& route : facts.config().routes) {
    if (excludes_all_paths(route.match.path_regex))
      report.add(route.location,
                 "route `" + route.name +
                     "` can never match: its `path_regex` must match the whole path, which begins "
                     "with `/`");
  }
  const auto& routes = facts.config().routes;
  for (const routing::Shadowed& shadowed : routing::unreachable_rules(facts.rules())) {
    const config::Route& route = routes[shadowed.route];
    const config::Route& by = routes[shadowed.by];
    report.add(route.location, "route `" + route.name + "` can never match: `" + by.name + "` (" +
                                   by.location.seen_from(route.location) + ") takes its requests");
  }
}

void find_grpc_without_http2(const Facts& facts, Report& report) {
  std::set<std::string_view> http1;
  for (const config::Upstream& upstream : facts.config().upstreams) {
    if (upstream.protocol == config::Protocol::kHttp1) http1.insert(upstream.name);
  }
  for (size_t i = 0; i < facts.config().routes.size(); ++i) {
    const config::Route& route = facts.config().routes[i];
    std::vector<std::string> upstreams;
    if (!route.upstream.empty()) upstreams.push_back(route.upstream);
    for (const config::Branch& branch : route.split) upstreams.push_back(branch.upstream);
    facts.for_each_policy(i, [&](const PlacedUse& one, bool own) {
      if (!one.insight.needs_http2) return;
      for (const std::string& name : upstreams) {
        if (!http1.contains(name)) continue;
        report.add(own ? one.use->location : route.location,
                   "`" + one.use->name + "` makes gRPC calls, and upstream `" + name +
                       "` speaks HTTP/1.1: gRPC services take HTTP/2 (`protocol: http2`)");
      }
    });
  }
}

}  // namespace portcullis::control::warnings
