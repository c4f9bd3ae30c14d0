// Routes that authenticate, beside an open route that sends another spelling of their path to the same
// upstream.

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "control/warnings/warnings.h"

namespace portcullis::control::warnings {
namespace {

enum class Access { kOpen, kAuthenticated };

Access access_of(const Facts& facts, size_t route) {
  Access out = Access::kOpen;
  facts.for_each_policy(route, [&](const PlacedUse& one, bool) {
    if (one.insight.authenticates && !one.insight.admits_anonymous) out = Access::kAuthenticated;
  });
  return out;
}

std::vector<std::string> upstreams_of(const config::Route& route) {
  std::vector<std::string> out;
  if (!route.upstream.empty()) out.push_back(route.upstream);
  for (const config::Branch& branch : route.split) out.push_back(branch.upstream);
  return out;
}

bool share_an_upstream(const config::Route& a, const config::Route& b) {
  const std::vector<std::string> others = upstreams_of(b);
  return std::any_of(others.begin(), others.end(), [own = upstreams_of(a)](const std::string& name) {
    return std::find(own.begin(), own.end(), name) != own.end();
  });
}

// A path that the route takes: parameters have the value x.
std::string sample_path(const config::Match& match) {
  if (!match.path_prefix.empty()) return match.path_prefix;
  std::string out;
  bool inside = false;
  for (const char c : match.path) {
    if (c == '{') out += 'x';
    inside = c == '{' || (inside && c != '}');
    if (!inside && c != '}') out += c;
  }
  return out;
}

std::string sample_host(const routing::RouteRule& rule) {
  if (rule.hosts.empty()) return "";
  const std::string& host = rule.hosts.front();
  return host.starts_with("*.") ? "x" + host.substr(1) : host;
}

// Another way to ask for what a route protects.
struct Spelling {
  std::string host;
  std::string path;
  std::string why;  // the end of the message
};

class Undercuts {
 public:
  Undercuts(const Facts& facts, const std::vector<Access>& access)
      : facts_(facts), access_(access), table_(facts.rules()) {
    for (const config::Listener& listener : facts.config().listeners) {
      keeps_slashes_ |= !listener.merge_slashes;
      passes_parameters_ |= listener.ambiguous_paths != config::AmbiguousPaths::kRefuse;
      passes_encodings_ |= listener.ambiguous_paths == config::AmbiguousPaths::kPass;
    }
  }

  void check(size_t index, Report& report) const {
    const config::Route& route = facts_.config().routes[index];
    if (access_[index] == Access::kOpen || upstreams_of(route).empty()) return;
    const std::string path = sample_path(route.match);
    if (path.empty() || path == "/") return;  // an expression, or everything
    for (const Spelling& spelling : spellings(facts_.rules()[index], route.match, path)) {
      const std::optional<size_t> open = open_route(index, spelling);
      if (!open) continue;
      const config::Route& other = facts_.config().routes[*open];
      report.add(route.location, "route `" + route.name + "` authenticates, but " + spelling.why +
                                     " reaches its upstream by the open route `" + other.name + "` (" +
                                     other.location.seen_from(route.location) + ")");
      return;
    }
  }

 private:
  std::vector<Spelling> spellings(const routing::RouteRule& rule, const config::Match& match,
                                  const std::string& path) const {
    const std::string host = sample_host(rule);
    std::vector<Spelling> out;
    if (!rule.hosts.empty()) out.push_back({"", path, "`" + path + "` with another `Host`"});
    if (!match.path.empty() && !path.ends_with('/'))
      out.push_back({host, path + "/", "`" + path + "/`, which many servers take for the same,"});
    if (keeps_slashes_)
      out.push_back({host, "/" + path, "`/" + path + "` (a listener has `merge_slashes: false`)"});
    if (passes_parameters_)
      out.push_back(
          {host, path + ";x=1", "`" + path + ";x=1` (`ambiguous_paths` of a listener lets it pass)"});
    if (passes_encodings_)
      out.push_back(
          {host, path + "%2Fx", "`" + path + "%2Fx` (`ambiguous_paths` of a listener lets it pass)"});
    return out;
  }

  // The open route with the same upstream that takes this spelling.
  std::optional<size_t> open_route(size_t index, const Spelling& spelling) const {
    const routing::RouteRule& rule = facts_.rules()[index];
    const std::string method = rule.methods.empty() ? "GET" : rule.methods.front();
    const routing::MatchResult found = table_.match({spelling.host, spelling.path, method});
    if (found.outcome != routing::MatchOutcome::kMatched || access_[found.route] != Access::kOpen)
      return std::nullopt;
    const auto& routes = facts_.config().routes;
    if (!share_an_upstream(routes[index], routes[found.route])) return std::nullopt;
    return found.route;
  }

  const Facts& facts_;
  const std::vector<Access>& access_;  // of each route
  routing::RouteTable table_;
  bool keeps_slashes_ = false;
  bool passes_parameters_ = false;
  bool passes_encodings_ = false;
};

}  // namespace

void find_undercut_routes(const Facts& facts, Report& report) {
  std::vector<Access> access;
  for (size_t i = 0; i < facts.config().routes.size(); ++i) access.push_back(access_of(facts, i));
  for (const Access wanted : {Access::kOpen, Access::kAuthenticated}) {
    if (std::find(access.begin(), access.end(), wanted) == access.end()) return;
  }
  const Undercuts undercuts(facts, access);
  for (size_t i = 0; i < access.size(); ++i) undercuts.check(i, report);
}

}  // namespace portcullis::control::warnings
