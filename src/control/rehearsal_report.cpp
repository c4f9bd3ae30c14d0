#include "control/rehearsal_report.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace portcullis::control {

using nlohmann::json;

namespace {

json tell_side(const RehearsedSide& side) {
  json out{{"route", side.route ? json(*side.route) : json()}, {"outcome", name_of(side.outcome)}};
  if (side.status != 0) out["status"] = side.status;
  if (!side.reason.empty()) out["reason"] = side.reason;
  if (!side.upstream.empty()) out["upstream"] = side.upstream;
  return out;
}

}  // namespace

void RehearsalReport::add_example(Group& group, std::string text) {
  if (std::find(group.examples.begin(), group.examples.end(), text) == group.examples.end())
    group.examples.push_back(std::move(text));
}

json RehearsalReport::tell() const {
  using Entry = std::map<std::pair<RehearsedSide, RehearsedSide>, Group>::value_type;
  std::vector<const Entry*> sorted;
  for (const Entry& one : groups_) sorted.push_back(&one);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Entry* a, const Entry* b) { return a->second.count > b->second.count; });
  const size_t shown = std::min(sorted.size(), kMaxGroups);
  json groups = json::array();
  for (size_t i = 0; i < shown; ++i) {
    const auto& [sides, group] = *sorted[i];
    groups.push_back({{"before", tell_side(sides.first)},
                      {"after", tell_side(sides.second)},
                      {"count", group.count},
                      {"examples", group.examples}});
  }
  json limits = json::array();
  for (const auto& [limit, counts] : limits_) {
    const auto& [route, policy, name] = limit;
    limits.push_back({{"route", route},
                      {"policy", policy},
                      {"limit", name},
                      {"before", counts.first},
                      {"after", counts.second}});
  }
  return {{"replayed", replayed_},           {"unchanged", unchanged_},
          {"groups", std::move(groups)},     {"groups_left_out", sorted.size() - shown},
          {"unused_routes", unused_routes_}, {"limits", std::move(limits)}};
}

}  // namespace portcullis::control
