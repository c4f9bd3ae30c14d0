#include "control/admin/endpoints.h"

#include <algorithm>
#include <iterator>

#include "control/admin/target_action.h"
#include "policy/registry.h"

namespace portcullis::control {

const Endpoint* find_endpoint(std::string_view path) {
  using What = Endpoint::What;
  static constexpr Endpoint kAll[] = {
      {"/healthz", What::kHealth},      {"/readyz", What::kHealth},        {"/metrics", What::kLook},
      {"/upstreams", What::kLook},      {"/splits", What::kLook},          {"/api/config", What::kLook},
      {"/api/history", What::kLook},    {"/api/live", What::kLive},        {"/api/now", What::kNow},
      {"/api/explain", What::kExplain}, {"/login", What::kLogIn},          {"/logout", What::kLogOut},
      {"/reload", What::kChange},       {"/splits/resume", What::kChange}, {"/api/series", What::kLook},
      {"/api/tail", What::kTail},       {"/api/session", What::kSession},
  };
  static constexpr Endpoint kTarget{"/v1/upstreams/", What::kChange};
  if (path.starts_with(kTarget.path) && TargetAction::parse(path)) return &kTarget;
  static constexpr Endpoint kPolicyAction{"", What::kChange};
  if (policy::find_action(path) != nullptr) return &kPolicyAction;
  const auto found = std::find_if(std::begin(kAll), std::end(kAll),
                                  [path](const Endpoint& one) { return one.path == path; });
  return found != std::end(kAll) ? found : nullptr;
}

}  // namespace portcullis::control
