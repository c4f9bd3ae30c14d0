#pragma once

#include <string>
#include <vector>

#include "config/listener.h"
#include "config/policy_set.h"
#include "config/schema.h"
#include "config/shared_list.h"
#include "config/split.h"
#include "config/upstream.h"
#include "routing/match.h"

// A route as configured: which requests it takes, and what happens to them.
namespace portcullis::config {

using routing::Predicate;

struct Match : routing::Match {
  Location listeners_location;
};

struct Rewrite {
  std::string strip_prefix;
  std::string path;
  Location path_location;
  std::string host;
};

struct Route {
  Location location;
  std::string name;
  TextMap labels;
  std::string description;
  Match match;
  Rewrite rewrite;
  PolicyList policies;
  std::string upstream;  // empty when a policy answers
  Location upstream_location;
  TextMap subset;             // of the upstream's targets; empty: all
  std::vector<Branch> split;  // instead of an upstream
  SplitSticky split_sticky;
  bool idempotent = false;
  std::vector<std::string> upgrades{"websocket"};
};

Type<Route> route_type(const Type<PolicyList>& policies);
Type<std::string> plain_path_type();  // a path without parameters
Type<std::string> method_type();      // a method in capitals

// Reports routes that name what does not exist, and routes whose settings contradict each other.
void check_routes(const SharedList<Route>& routes, const SharedList<Upstream>& upstreams,
                  const SharedList<Listener>& listeners, const PolicySets& sets, const PolicyCatalog& catalog,
                  Diagnostics& diagnostics);
// Reports subsets that no target of their upstream has.
void check_subsets(const SharedList<Route>& routes, const SharedList<Upstream>& upstreams,
                   Diagnostics& diagnostics);

}  // namespace portcullis::config
