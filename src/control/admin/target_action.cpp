#include "control/admin/target_action.h"

#include <algorithm>
#include <array>

#include "http/query.h"

namespace portcullis::control {

std::optional<TargetAction> TargetAction::parse(std::string_view path) {
  struct Action {
    std::string_view word;
    What what;
    std::string_view name;
  };
  static constexpr Action kActions[] = {{"resume", What::kResume, "resume_target"},
                                        {"drain", What::kDrain, "drain_target"},
                                        {"undrain", What::kUndrain, "undrain_target"}};
  // "", "v1", "upstreams", UPSTREAM, "targets", ADDRESS, ACTION
  std::array<std::string_view, 7> parts;
  for (size_t i = 0; i < parts.size(); ++i) {
    const size_t end = path.find('/');
    if ((end == std::string_view::npos) != (i + 1 == parts.size())) return std::nullopt;
    parts[i] = path.substr(0, end);
    path.remove_prefix(std::min(parts[i].size() + 1, path.size()));
  }
  if (!parts[0].empty() || parts[1] != "v1" || parts[2] != "upstreams" || parts[4] != "targets")
    return std::nullopt;
  const auto action = std::find_if(std::begin(kActions), std::end(kActions),
                                   [&parts](const Action& one) { return one.word == parts[6]; });
  if (action == std::end(kActions)) return std::nullopt;
  return TargetAction{action->what, http::percent_decode(parts[3]), http::percent_decode(parts[5]),
                      action->name};
}

}  // namespace portcullis::control
