#include <algorithm>
#include <map>

#include "base/name_index.h"
#include "config/named_items.h"
#include "config/route.h"

namespace portcullis::config {
namespace {

bool answers_itself(const Route& route, const PolicySets& sets) {
  return sets.any_policy(route.policies, [](const PolicyUse& use) { return use.traits.answers_all; });
}

// Finds upstreams by name. Many routes refer to one of many upstreams, so the list of all names is made only
// for a wrong name.
class UpstreamNames {
 public:
  explicit UpstreamNames(const SharedList<Upstream>& upstreams)
      : upstreams_(upstreams), known_(index_names(upstreams)) {}
  void refuse_unknown(const std::string& name, const Location& location, Diagnostics& diagnostics) const {
    if (known_.find(name) == NameIndex::kNone)
      diagnostics.refuse_unknown("upstream", name, list_names(upstreams_), location);
  }

 private:
  const SharedList<Upstream>& upstreams_;
  const NameIndex known_;
};

// Checks a route's branches, except their conditions and keys.
void check_split(const Route& route, const UpstreamNames& upstreams, Diagnostics& diagnostics) {
  const SplitSticky& sticky = route.split_sticky;
  if (sticky.location.line_read != 0 && sticky.cookie.empty() == sticky.key.empty())
    diagnostics.error(sticky.location, "`split_sticky` needs exactly one of `cookie` and `key`");
  if (route.split.empty()) {
    if (sticky.location.line_read != 0)
      diagnostics.error(sticky.location,
                        "`split_sticky` has no effect without `split`: add a `split` to this route, or "
                        "remove `split_sticky`");
    return;
  }
  if (!route.upstream.empty() || !route.subset.empty())
    diagnostics.error(
        route.location,
        "route `" + route.name +
            "` has a `split`: write `upstream` and `subset` in the branches of the split, not in the route");
  std::map<std::string_view, const Branch*> labels;
  bool lasting = false;  // a branch can take the requests that other branches lose
  for (const Branch& branch : route.split) {
    upstreams.refuse_unknown(branch.upstream, branch.upstream_location, diagnostics);
    if (!labels.emplace(branch.label(), &branch).second)
      diagnostics.error(branch.location, "there are two branches named `" + branch.label() +
                                             "`: give one of them another `name`");
    lasting |= branch.share() > 0 && !branch.rollback.enabled();
  }
  if (!lasting)
    diagnostics.error(route.location, "one branch of the `split` of `" + route.name +
                                          "` must have a `weight` above 0 and no `rollback`, so that the "
                                          "requests of a branch that is rolled back have a place to go");
}

// Checks that the settings of a route do not contradict each other.
void check_route(const Route& route, const PolicySets& sets, const PolicyCatalog& catalog,
                 Diagnostics& diagnostics) {
  if (!route.match.path.empty() + !route.match.path_prefix.empty() + !route.match.path_regex.empty() > 1) {
    diagnostics.error(route.location, "route `" + route.name +
                                          "` has more than one of `path`, `path_prefix` and `path_regex`");
  }
  if (!route.rewrite.path.empty() && !route.rewrite.strip_prefix.empty()) {
    diagnostics.error(
        route.location,
        "route `" + route.name + "` has both `path` and `strip_prefix` in `rewrite`: remove one of them");
  }
  if (route.upstream.empty() && route.split.empty() && !answers_itself(route, sets) &&
      !diagnostics.is_faulty(route.location) && !sets.has_faults(route.policies, diagnostics)) {
    diagnostics.error(route.location, "route needs `upstream`, `split`, or a policy that answers (" +
                                          names_with(catalog, &PolicyTraits::answers_all) + ")");
  }
}

}  // namespace

void check_routes(const SharedList<Route>& routes, const SharedList<Upstream>& upstreams,
                  const SharedList<Listener>& listeners, const PolicySets& sets, const PolicyCatalog& catalog,
                  Diagnostics& diagnostics) {
  refuse_duplicate_names(routes, "route", diagnostics);
  const ListenerAddresses addresses(listeners);
  const UpstreamNames names(upstreams);
  for (const Route& route : routes) {
    check_route(route, sets, catalog, diagnostics);
    sets.refuse_unknown(route.policies, diagnostics);
    for (const std::string& name : route.match.listeners) {
      if (addresses.find(name) == nullptr)
        diagnostics.refuse_unknown("listener", name, list_names(listeners), route.match.listeners_location);
    }
    names.refuse_unknown(route.upstream, route.upstream_location, diagnostics);
    check_split(route, names, diagnostics);
  }
}

namespace {

// Checks that the upstream has a target of the subset, unless its targets are not known yet. `whose` is the
// name of the route or branch.
void check_subset(const TextMap& subset, const std::string& name, const SharedList<Upstream>& upstreams,
                  const Location& place, const std::string& whose, Diagnostics& diagnostics) {
  if (subset.empty()) return;
  for (const Upstream& upstream : upstreams) {
    if (upstream.name != name || upstream.discover.enabled()) continue;
    const bool any = std::any_of(upstream.targets.begin(), upstream.targets.end(),
                                 [&](const Target& one) { return belongs(one, subset); });
    if (!any)
      diagnostics.error(
          place, "no target of `" + upstream.name + "` has the metadata of the `subset` of `" + whose + "`");
  }
}

}  // namespace

void check_subsets(const SharedList<Route>& routes, const SharedList<Upstream>& upstreams,
                   Diagnostics& diagnostics) {
  for (const Route& route : routes) {
    for (const Branch& branch : route.split)
      check_subset(branch.subset, branch.upstream, upstreams, branch.location, branch.label(), diagnostics);
    check_subset(route.subset, route.upstream, upstreams, route.location, route.name, diagnostics);
    if (!route.subset.empty() && route.upstream.empty() && route.split.empty())
      diagnostics.error(route.location, "`" + route.name + "` has a `subset` of targets, but no `upstream`");
  }
}

}  // namespace portcullis::config
