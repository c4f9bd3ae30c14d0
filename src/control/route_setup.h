#pragma once

#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "config/model.h"
#include "control/split_setup.h"
#include "control/upstream_setup.h"
#include "policy/services.h"
#include "proxy/snapshot.h"

namespace portcullis::control {

// The routes in the form that the route table needs, in the order of the configuration.
std::vector<routing::RouteRule> route_rules(const config::Config& config);

// Compiles the routes of a checked configuration, with their policies. The arguments of the constructor must
// outlive the object. Control thread.
class RouteCompiler {
 public:
  RouteCompiler(const config::Config& config, telemetry::Registry& metrics, policy::Services& services,
                RollbackBook& rollbacks);

  // Compiles the next route. `unrouted` and the routes share the policies of the top level.
  proxy::Route compile(const config::Route& route);
  // The substitute for a route when no route matches.
  proxy::Route unrouted();

  size_t shared_policies() const { return shared_.size(); }
  const std::shared_ptr<const identity::Directory>& consumers() const { return build_.consumers; }
  // The subsets that the routes compiled so far choose from, for each upstream.
  std::vector<Subsets>& subsets() { return subsets_; }

 private:
  void add_policies(const std::vector<config::PolicyUse>& uses, std::string_view place,
                    std::vector<proxy::PlacedPolicy>& out);
  proxy::Branch compile_branch(const std::string& upstream, const config::TextMap& subset);
  proxy::Split compile_split_of(const config::Route& route);

  const config::Config& config_;
  telemetry::Registry& metrics_;
  RollbackBook& rollbacks_;
  policy::BuildContext build_;
  std::map<std::string_view, size_t> upstreams_;  // indexes by name
  std::vector<Subsets> subsets_;
  std::vector<proxy::PlacedPolicy> shared_;  // the policies of the top level
};

}  // namespace portcullis::control
