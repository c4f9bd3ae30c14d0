#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace portcullis::routing {

// One route as the table needs it. `path` and `prefix` are canonical; at most one is set; neither matches
// all.
struct RouteRule {
  std::vector<std::string> hosts;  // "api.example.com" or "*.example.com"; empty: any
  std::string path;                // segments may be "{name}"
  std::string prefix;
  std::vector<std::string> methods;  // empty: any
};

enum class MatchOutcome { kMatched, kNoRoute, kMethodNotAllowed };

struct MatchResult {
  MatchOutcome outcome = MatchOutcome::kNoRoute;
  uint32_t route = 0;  // index into the rules given to the table
};

// Finds the route of a request. Immutable after construction; any number of threads.
//
// Precedence: exact host over wildcard (longer first) over any; then exact path, then parameters (a literal
// beats a parameter at the leftmost segment in which two patterns differ), then prefix (longest first); then
// rules with methods before rules without; then order in the configuration.
//
// Every lookup is a few probes of one flat hash table: one for the exact path, one for each shape of
// parameters in use with that many segments, one for each length of prefix in use. So time does not grow with
// the routes.
class RouteTable {
 public:
  explicit RouteTable(std::vector<RouteRule> rules);
  ~RouteTable();
  RouteTable(RouteTable&&) noexcept;
  RouteTable& operator=(RouteTable&&) noexcept;

  // `host` is lower case, without port.
  MatchResult match(std::string_view host, std::string_view path, std::string_view method) const;

  // The methods that routes for this host and path admit, for the Allow field. Allocates: not for the hot
  // path.
  std::vector<std::string> allowed_methods(std::string_view host, std::string_view path) const;

  // Patterns deeper than this are refused by the configuration's check.
  static constexpr size_t kMostSegments = 64;

 private:
  struct Index;
  std::unique_ptr<Index> index_;
};

}  // namespace portcullis::routing
