// Finds routes that authenticate, while an open route sends another spelling of the same path to the same
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
    if (one.use->traits.authenticates && !one.insight.admits_anonymous) out = Access::kAuthenticated;
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

// A path that the route matches; each parameter has the value x.
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

std::string sample_host(const config::Match& match) {
  if (match.hosts.empty()) return "";
  const std::string& host = match.hosts.front();
  return host.starts_with("*.") ? "x" + host.substr(1) : host;
}

// Hosts that `match` does not name: no host at all, and other names below the same domains.
std::vector<std::string> other_hosts(const config::Match& match) {
  std::vector<std::string> out{""};
  const std::string host = sample_host(match);
  for (size_t dot = host.find('.'); dot != std::string::npos; dot = host.find('.', dot + 1))
    out.push_back("another" + host.substr(dot));
  return out;
}

// The path that a route's upstream gets for `path`; empty when the path is rewritten.
std::string path_at_upstream(const config::Rewrite& rewrite, const std::string& path) {
  if (!rewrite.path.empty()) return "";
  const std::string& prefix = rewrite.strip_prefix;
  const bool strips = !prefix.empty() && path.starts_with(prefix) &&
                      (path.size() == prefix.size() || path[prefix.size()] == '/');
  return strips ? path.substr(prefix.size()) : path;
}

// A request for the same content as a protected route, written in another way.
struct Spelling {
  std::string host;
  std::string path;
  std::string why;                  // the end of the message
  std::string method{};             // empty for a method that the route matches
  std::optional<size_t> through{};  // the route that must match; empty for any route
};

// A prefix that an open route removes from its paths on the way to its upstream.
struct RemovedPrefix {
  size_t route;
  std::string host;
  std::string prefix;
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
    const config::ListenerAddresses addresses(facts.config().listeners);
    for (const config::Listener& listener : facts.config().listeners)
      listeners_.push_back(*addresses.find(listener.name));
    note_removed_prefixes();
  }

  void check(size_t index, Report& report) const {
    const config::Route& route = facts_.config().routes[index];
    if (access_[index] == Access::kOpen || upstreams_of(route).empty()) return;
    const std::string path = sample_path(route.match);
    // There is no sample path for an expression; `/` is the prefix of all paths.
    if (path.empty() || path == "/") return;
    for (const Spelling& spelling : spellings(index, path)) {
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
  // Max number of removed prefixes that are tried for each protected route: generated configurations may have
  // any number of both.
  static constexpr size_t kMaxPrefixes = 64;

  void note_removed_prefixes() {
    const auto& routes = facts_.config().routes;
    for (size_t i = 0; i < routes.size() && prefixes_.size() < kMaxPrefixes; ++i) {
      const std::string& prefix = routes[i].rewrite.strip_prefix;
      if (access_[i] == Access::kOpen && prefix.size() > 1 && prefix == routes[i].match.path_prefix)
        prefixes_.push_back({i, sample_host(routes[i].match), prefix});
    }
  }

  std::vector<Spelling> spellings(size_t index, const std::string& path) const {
    const config::Match& match = facts_.config().routes[index].match;
    const std::string host = sample_host(match);
    std::vector<Spelling> out;
    if (!match.hosts.empty()) {
      for (std::string& other : other_hosts(match))
        out.push_back({std::move(other), path, "`" + path + "` with another `Host`"});
    }
    if (!match.headers.empty() || !match.query.empty())
      out.push_back({host, path,
                     "`" + path + "` without the " + (match.headers.empty() ? "query" : "header fields") +
                         " that its `match` asks for"});
    if (!match.methods.empty()) {
      for (const char* method : {"POST", "PUT", "PATCH", "DELETE"}) {
        if (std::find(match.methods.begin(), match.methods.end(), method) == match.methods.end())
          out.push_back({host, path, "`" + std::string(method) + " " + path + "`", method});
      }
    }
    if (!match.path.empty() && !path.ends_with('/'))
      out.push_back({host, path + "/", "`" + path + "/`, which many servers take for the same,"});
    add_removed_prefixes(index, path, out);
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

  // Adds spellings with a prefix that an open route removes, so that the upstream gets the same path.
  void add_removed_prefixes(size_t index, const std::string& path, std::vector<Spelling>& out) const {
    const std::string wanted = path_at_upstream(facts_.config().routes[index].rewrite, path);
    if (wanted.empty() || wanted == "/") return;
    for (const RemovedPrefix& one : prefixes_)
      out.push_back({one.host, one.prefix + wanted,
                     "`" + one.prefix + wanted + "`, from which `" + one.prefix + "` is removed,", "",
                     one.route});
  }

  // The open route with the same upstream that matches this spelling at a listener of the protected route.
  std::optional<size_t> open_route(size_t index, const Spelling& spelling) const {
    const routing::RouteRule& rule = facts_.rules()[index];
    const std::vector<std::string>& methods = rule.match->methods;
    const std::string method = !spelling.method.empty() ? spelling.method
                               : methods.empty()        ? "GET"
                                                        : methods.front();
    const auto& routes = facts_.config().routes;
    for (const std::string& listener : listeners_) {
      if (!rule.answers_on(listener)) continue;
      routing::RequestView request{spelling.host, spelling.path, method};
      request.listener = listener;
      const routing::MatchResult found = table_.match(request);
      if (found.outcome == routing::MatchOutcome::kMatched && access_[found.route] == Access::kOpen &&
          (!spelling.through || *spelling.through == found.route) &&
          share_an_upstream(routes[index], routes[found.route]))
        return found.route;
    }
    return std::nullopt;
  }

  const Facts& facts_;
  const std::vector<Access>& access_;  // the access of each route, by index
  routing::RouteTable table_;
  std::vector<std::string> listeners_;  // the addresses of all listeners
  std::vector<RemovedPrefix> prefixes_;
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
