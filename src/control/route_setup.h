#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/name_index.h"
#include "config/model.h"
#include "control/changed_sets.h"
#include "control/earlier_elements.h"
#include "control/split_setup.h"
#include "control/upstream_setup.h"
#include "policy/services.h"
#include "proxy/snapshot.h"

namespace portcullis::control {

// The routes in the form that the route table needs, in the order of the configuration.
std::vector<routing::RouteRule> route_rules(const config::Config& config);

struct Compiled;

// Compiles the routes of a checked configuration, with their policies. The arguments of the constructor must
// outlive the object. Control thread.
class RouteCompiler {
 public:
  // `before` is as for compile_snapshot().
  RouteCompiler(const config::Config& config, telemetry::Registry& metrics, policy::Services& services,
                RollbackBook& rollbacks, const Compiled* before);

  // Compiles the next route, or finds its compiled form in the snapshot before. `unrouted` and the routes
  // share the policies of the top level.
  std::shared_ptr<const proxy::Route> compile(const config::Route& route);
  // The substitute for a route when no route matches.
  proxy::Route unrouted();

  size_t shared_policies() const { return shared_.size(); }
  const std::shared_ptr<const identity::Directory>& consumers() const { return build_.consumers; }
  // The subsets that the routes compiled so far choose from, for each upstream.
  std::vector<Subsets>& subsets() { return subsets_; }

 private:
  void add_policies(const config::PolicyList& list, std::string_view place,
                    std::vector<proxy::PlacedPolicy>& out);
  proxy::Branch compile_branch(const std::string& upstream, const config::TextMap& subset);
  void own_revision_header(proxy::Route& route) const;
  proxy::Route compile_anew(const config::Route& route);
  // The compiled form of a route in the snapshot before; null when there is none that can be shared.
  std::shared_ptr<const proxy::Route> find_before(const config::Route& route);
  proxy::Split compile_split_of(const config::Route& route);

  const config::Config& config_;
  const config::PolicySets sets_;
  const Compiled* const before_;    // may be null
  const ChangedSets changed_sets_;  // since `before_`
  // Whether policies of the snapshot before can be shared: they may hold indexes of upstreams, and those of
  // the top level are a part of all routes.
  const bool shares_policies_;
  EarlierElements<config::Route> earlier_;
  telemetry::Registry& metrics_;
  RollbackBook& rollbacks_;
  policy::BuildContext build_;
  const NameIndex upstreams_;
  std::vector<Subsets> subsets_;
  std::vector<proxy::PlacedPolicy> shared_;  // the policies of the top level
};

}  // namespace portcullis::control
