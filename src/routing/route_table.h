#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/enum_names.h"
#include "http/message.h"
#include "routing/match.h"
#include "routing/predicates.h"

namespace portcullis::routing {

// A route as the table needs it. Its Match is that of the configuration, and keeps it.
struct RouteRule {
  std::shared_ptr<const Match> match;    // never null
  bool answers_preflight = false;        // its policies answer preflights
  std::vector<std::string> listeners{};  // addresses, as in RequestView::listener; empty: all listeners

  // Among rules with the same host and path, the one with the higher count is tried first.
  size_t predicate_count() const {
    return (match->methods.empty() ? 0 : 1) + (listeners.empty() ? 0 : 1) + match->headers.size() +
           match->query.size();
  }
  bool answers_on(std::string_view listener) const {
    return listeners.empty() || std::find(listeners.begin(), listeners.end(), listener) != listeners.end();
  }
};

// For a recorded request: the conditions that cannot be judged, because what they read was not recorded.
struct Doubt {
  std::vector<std::string> headers{};     // names of header fields, in lower case
  std::vector<std::string> parameters{};  // names of parameters whose values are withheld
  // The part that a route reads which comes before the matching route or is that route:
  // "request.header.x-beta". Empty when the match is certain.
  std::string met{};
};

// The parts of a request that the table examines.
struct RequestView {
  std::string_view host;  // lower case, without port
  std::string_view path;  // canonical
  std::string_view method;
  std::string_view query{};              // as received
  const http::Fields* fields = nullptr;  // null: no fields
  std::string_view listener{};           // the address of the listener that received the request
  Doubt* doubt = nullptr;                // null: all parts of the request are known
};

enum class MatchOutcome { kMatched, kNoRoute, kMethodNotAllowed };
constexpr auto names_of(MatchOutcome) {
  return std::to_array<EnumName<MatchOutcome>>({{MatchOutcome::kMatched, "matched"},
                                                {MatchOutcome::kNoRoute, "no_route"},
                                                {MatchOutcome::kMethodNotAllowed, "method_not_allowed"}});
}

struct MatchResult {
  MatchOutcome outcome = MatchOutcome::kNoRoute;
  uint32_t route = 0;  // with kMatched: index into the rules given to the table
  // With kMethodNotAllowed: the first rule that would match with another method.
  uint32_t by_other_method = 0;
};

// Finds the route of a request. Immutable after construction; any number of threads.
//
// Precedence: exact host over wildcard (longer first) over any host; then exact path, then parameters (a
// literal beats a parameter at the leftmost segment in which two patterns differ), then prefix (longest
// first), then expressions, then rules without a path, to which the prefix "/" is equivalent. Among rules
// with one host and path, and among all expressions of a host: more predicates first (`listeners` is one),
// then the order in the configuration.
//
// Every look-up is a few probes of one flat hash table: one for the exact path, one for each shape of
// parameters in use with that many segments, one for each length of prefix in use. So the time does not grow
// with the number of routes. Expressions are tried one by one: they are for the few paths that nothing else
// can describe.
//
// A CORS preflight (OPTIONS with Origin and Access-Control-Request-Method, see the Fetch standard) belongs to
// the rule that takes the request that it asks for: that rule matches when it answers preflights. When it
// does not, the rule that takes OPTIONS may pass the preflight to the upstream but not answer it, unless that
// rule lists OPTIONS by name: a route must not consent on behalf of another route.
class RouteTable {
 public:
  explicit RouteTable(std::vector<RouteRule> rules);
  ~RouteTable();
  RouteTable(RouteTable&&) noexcept;
  RouteTable& operator=(RouteTable&&) noexcept;

  MatchResult match(const RequestView& request) const;

  // The methods that routes admit for this request, for the Allow field; the request's own method is ignored.
  // Allocates: not for the hot path.
  std::vector<std::string> allowed_methods(const RequestView& request) const;

  // The configuration's check refuses patterns with more segments.
  static constexpr size_t kMaxSegments = 64;

 private:
  MatchResult match_method(const RequestView& request) const;

  struct Index;
  std::unique_ptr<Index> index_;
};

}  // namespace portcullis::routing
