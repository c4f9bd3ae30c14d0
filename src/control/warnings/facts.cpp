#include "control/warnings/facts.h"

#include "control/route_setup.h"
#include "policy/registry.h"

namespace portcullis::control::warnings {
namespace {

std::vector<PlacedUse> placed_uses(const std::vector<config::PolicyUse>& uses) {
  std::vector<PlacedUse> out;
  out.reserve(uses.size());
  for (const config::PolicyUse& use : uses) out.push_back({&use, policy::insight_of(use)});
  return out;
}

}  // namespace

Facts::Facts(const config::Config& config)
    : config_(config), shared_(placed_uses(config.policies)), rules_(route_rules(config)) {
  own_.reserve(config.routes.size());
  for (const config::Route& route : config.routes) own_.push_back(placed_uses(route.policies));
}

}  // namespace portcullis::control::warnings
