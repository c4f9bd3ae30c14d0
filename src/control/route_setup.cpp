#include "control/route_setup.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "control/snapshot.h"
#include "policy/condition.h"
#include "policy/registry.h"

namespace portcullis::control {

namespace {

// Makes the rules of routes.
class Rules {
 public:
  explicit Rules(const config::Config& config)
      : addresses_(config.listeners), sets_(config.policy_sets), shared_answers_(answers(config.policies)) {}

  routing::RouteRule of(const std::shared_ptr<const config::Route>& route) const {
    std::vector<std::string> listeners;
    for (const std::string& name : route->match.listeners) {
      const std::string* address = addresses_.find(name);
      // The name of an unknown listener, which the check refuses, is kept, because without listeners the
      // route would be for all of them.
      listeners.push_back(address != nullptr ? *address : name);
    }
    return {std::shared_ptr<const routing::Match>(route, &route->match),
            shared_answers_ || answers(route->policies), std::move(listeners)};
  }

 private:
  bool answers(const config::PolicyList& list) const {
    return sets_.any_policy(list, [](const config::PolicyUse& use) { return use.traits.answers_preflights; });
  }

  const config::ListenerAddresses addresses_;
  const config::PolicySets sets_;
  const bool shared_answers_;
};

}  // namespace

std::vector<routing::RouteRule> route_rules(const config::Config& config) {
  const Rules rules(config);
  std::vector<routing::RouteRule> out;
  out.reserve(config.routes.size());
  for (size_t i = 0; i < config.routes.size(); ++i) out.push_back(rules.of(config.routes.share(i)));
  return out;
}

namespace {

bool lists_trace(const std::vector<std::string>& methods) {
  return std::any_of(methods.begin(), methods.end(),
                     [](const std::string& method) { return method == "TRACE" || method == "TRACK"; });
}

// Sets the properties of a route that follow from its policies.
void settle_policies(proxy::Route& route, telemetry::Registry& metrics) {
  for (proxy::PlacedPolicy& one : route.policies) {
    one.metrics = metrics.policy(route.name, one.name);
    one->add_owned_fields(route.owned_fields);
    route.marks_answers |= one->marks_every_answer();
    route.watches_end |= one->watches_end();
  }
}

}  // namespace

namespace {

const config::SharedList<config::Route> kNoRoutes;
const config::SharedList<config::PolicySet> kNoSets;

// True when the same upstreams have the same indexes.
bool have_same_upstreams(const config::Config& a, const config::Config& b) {
  return std::equal(a.upstreams.begin(), a.upstreams.end(), b.upstreams.begin(), b.upstreams.end(),
                    [](const config::Upstream& one, const config::Upstream& other) {
                      return &one == &other || one.name == other.name;
                    });
}

}  // namespace

RouteCompiler::RouteCompiler(const config::Config& config, telemetry::Registry& metrics,
                             policy::Services& services, RollbackBook& rollbacks, const Compiled* before)
    : config_(config),
      sets_(config.policy_sets),
      before_(before),
      changed_sets_(before == nullptr ? kNoSets : before->config.policy_sets, config.policy_sets),
      shares_policies_(before != nullptr && have_same_upstreams(config, before->config) &&
                       !changed_sets_.has_any_of(config.policies)),
      earlier_(before == nullptr ? kNoRoutes : before->config.routes),
      metrics_(metrics),
      rollbacks_(rollbacks),
      build_{before != nullptr ? before->snapshot.consumers
                               : std::make_shared<const identity::Directory>(config.consumers),
             config,
             metrics.of_policies(),
             services,
             services.workers(),
             "",
             {}},
      upstreams_(index_names(config.upstreams)),
      subsets_(config.upstreams.size(), {upstream::Metadata{}}) {
  if (shares_policies_) {
    shared_ = before->snapshot.unrouted.policies;
  } else {
    add_policies(config.policies, "", shared_);
  }
}

void RouteCompiler::add_policies(const config::PolicyList& list, std::string_view place,
                                 std::vector<proxy::PlacedPolicy>& out) {
  build_.place = place;
  sets_.for_each_policy(list, [&](const config::PolicyUse& use, const config::PolicySet* set) {
    build_.location = use.location;
    out.push_back(
        {policy::build(use, build_), use.name, {}, use.location, set == nullptr ? std::string() : set->name});
  });
}

proxy::Branch RouteCompiler::compile_branch(const std::string& upstream, const config::TextMap& subset) {
  proxy::Branch branch;
  branch.upstream = upstreams_.find(upstream);
  branch.subset = subset_index(subsets_[branch.upstream], subset);
  branch.hash_key = hash_key_of(config_.upstreams[branch.upstream]);
  return branch;
}

proxy::Split RouteCompiler::compile_split_of(const config::Route& route) {
  if (!route.upstream.empty()) return proxy::Split({compile_branch(route.upstream, route.subset)}, {});
  return compile_split(route, [&](const config::Branch& told) {
    proxy::Branch branch = compile_branch(told.upstream, told.subset);
    branch.rollback = rollbacks_.of(route, told);
    branch.metrics = metrics_.branch(route.name, told.label());
    return branch;
  });
}

std::shared_ptr<const proxy::Route> RouteCompiler::find_before(const config::Route& route) {
  const auto index = before_ == nullptr ? std::nullopt : earlier_.find(route);
  if (!index) return nullptr;
  const std::shared_ptr<const proxy::Route>& found = before_->snapshot.routes.share(*index);
  if (!shares_policies_ && !(found->policies.empty() && shared_.empty())) return nullptr;
  if (changed_sets_.has_any_of(route.policies)) return nullptr;
  const auto& upstreams = before_->config.upstreams;
  // The index of a subset depends on the other routes.
  const bool fits = std::all_of(found->split.branches().begin(), found->split.branches().end(),
                                [&](const proxy::Branch& branch) {
                                  return branch.subset == 0 && branch.upstream < config_.upstreams.size() &&
                                         &upstreams[branch.upstream] == &config_.upstreams[branch.upstream];
                                });
  return fits ? found : nullptr;
}

std::shared_ptr<const proxy::Route> RouteCompiler::compile(const config::Route& route) {
  if (auto found = find_before(route)) return found;
  return std::make_shared<const proxy::Route>(compile_anew(route));
}

proxy::Route RouteCompiler::compile_anew(const config::Route& route) {
  proxy::Route compiled{.name = route.name,
                        .parameters = routing::PathParameters(route.match),
                        .rewrite = {route.rewrite.path, route.rewrite.strip_prefix},
                        .host = route.rewrite.host,
                        .policies = shared_,
                        .pseudonym = proxy::pseudonym_of(route.name),
                        .upgrades = route.upgrades,
                        .idempotent = route.idempotent,
                        .takes_trace = lists_trace(route.match.methods),
                        .marks_answers = false,
                        .watches_end = false,
                        .metrics = metrics_.route(route.name)};
  compiled.split = compile_split_of(route);
  add_policies(route.policies, route.name, compiled.policies);
  settle_policies(compiled, metrics_);
  own_revision_header(compiled);
  for (const config::Branch& branch : route.split)
    policy::Condition(branch.when).add_read_fields(compiled.owned_fields);
  return compiled;
}

// No client may send the field by which the gateway tells the revision: a target could take it for ours.
void RouteCompiler::own_revision_header(proxy::Route& route) const {
  if (!config_.revision_header.empty()) route.owned_fields.add(config_.revision_header);
}

proxy::Route RouteCompiler::unrouted() {
  proxy::Route out{.name = {},
                   .parameters = routing::PathParameters(routing::Match{}),
                   .policies = shared_,
                   .pseudonym = proxy::pseudonym_of(""),
                   .metrics = metrics_.route("")};
  settle_policies(out, metrics_);
  own_revision_header(out);
  return out;
}

}  // namespace portcullis::control
