#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"
#include "routing/predicates.h"

namespace portcullis::routing {

// One route as the table needs it. `path` and `prefix` are canonical; at most one of path, prefix and regex
// is set; none matches all.
struct RouteRule {
  std::vector<std::string> hosts;  // "api.example.com" or "*.example.com"; empty: any
  std::string path;                // segments may be "{name}"
  std::string prefix;
  std::vector<std::string> methods;  // empty: any
  std::string regex{};               // RE2, matches the whole path
  std::vector<Predicate> headers{};
  std::vector<Predicate> query{};
  bool answers_preflight = false;        // by its policies
  std::vector<std::string> listeners{};  // addresses, as RequestView::listener; empty: all

  // What decides between rules with one host and path: the one with more of these is tried first.
  size_t predicate_count() const {
    return (methods.empty() ? 0 : 1) + (listeners.empty() ? 0 : 1) + headers.size() + query.size();
  }
  bool answers_on(std::string_view listener) const {
    return listeners.empty() || std::find(listeners.begin(), listeners.end(), listener) != listeners.end();
  }
};

// What the table looks at in a request.
struct RequestView {
  std::string_view host;  // lower case, without port
  std::string_view path;  // canonical
  std::string_view method;
  std::string_view query{};              // as received
  const http::Fields* fields = nullptr;  // null: none
  std::string_view listener{};           // the address of that which it came by
};

enum class MatchOutcome { kMatched, kNoRoute, kMethodNotAllowed };

struct MatchResult {
  MatchOutcome outcome = MatchOutcome::kNoRoute;
  uint32_t route = 0;            // with kMatched: index into the rules given to the table
  uint32_t by_other_method = 0;  // with kMethodNotAllowed: the first rule that another method would match
};

// Finds the route of a request. Immutable after construction; any number of threads.
//
// Precedence: exact host over wildcard (longer first) over any; then exact path, then parameters (a literal
// beats a parameter at the leftmost segment in which two patterns differ), then prefix (longest first), then
// expressions, then rules without a path, and with the prefix "/", which is as much. Among rules with one
// host and path, and among all expressions of a host: more predicates first (`listeners` is one), then order
// in the configuration.
//
// Every lookup is a few probes of one flat hash table: one for the exact path, one for each shape of
// parameters in use with that many segments, one for each length of prefix in use. So time does not grow with
// the routes. Expressions are tried one by one: they are for the few paths that nothing else can describe.
//
// A CORS preflight (OPTIONS with Origin and Access-Control-Request-Method, see the Fetch standard) belongs to
// the rule that takes the request it asks for: that rule matches when it answers preflights. When it does
// not, the rule that takes OPTIONS may pass the preflight on, but not answer it, unless it lists OPTIONS by
// name: consent is not another route's to give.
class RouteTable {
 public:
  explicit RouteTable(std::vector<RouteRule> rules);
  ~RouteTable();
  RouteTable(RouteTable&&) noexcept;
  RouteTable& operator=(RouteTable&&) noexcept;

  MatchResult match(const RequestView& request) const;

  // The methods that routes admit for the request but for its method, for the Allow field. Allocates: not for
  // the hot path.
  std::vector<std::string> allowed_methods(const RequestView& request) const;

  // Patterns deeper than this are refused by the configuration's check.
  static constexpr size_t kMaxSegments = 64;

 private:
  MatchResult match_method(const RequestView& request) const;

  struct Index;
  std::unique_ptr<Index> index_;
};

}  // namespace portcullis::routing
