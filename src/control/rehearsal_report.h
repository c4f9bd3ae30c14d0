#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/enum_names.h"

namespace portcullis::control {

// What a configuration says about a recorded request.
struct RehearsedSide {
  enum class Outcome : uint8_t { kForwarded, kRefused, kAnswered, kUnknown };

  std::optional<std::string> route{};  // the route's name; empty when no route takes the request
  Outcome outcome = Outcome::kUnknown;
  uint16_t status = 0;   // of a refusal or an answer; 0 when there is none
  std::string reason{};  // of a refusal or an answer; for kUnknown, what is not known: "... was not recorded"
  std::string upstream{};  // for kForwarded; empty when chance decides between several upstreams

  bool operator==(const RehearsedSide&) const = default;
  bool operator<(const RehearsedSide& other) const {
    return std::tie(route, outcome, status, reason, upstream) <
           std::tie(other.route, other.outcome, other.status, other.reason, other.upstream);
  }
};
constexpr auto names_of(RehearsedSide::Outcome) {
  using Outcome = RehearsedSide::Outcome;
  return std::to_array<EnumName<Outcome>>({{Outcome::kForwarded, "forwarded"},
                                           {Outcome::kRefused, "refused"},
                                           {Outcome::kAnswered, "answered"},
                                           {Outcome::kUnknown, "unknown"}});
}

// How two configurations differ about recorded requests. Filled request by request; a plain value.
class RehearsalReport {
 public:
  static constexpr size_t kMaxGroups = 100;
  static constexpr size_t kMaxExamples = 3;

  // The limit that would refuse a request: route, policy, and name of the limit.
  using Limit = std::tuple<std::string, std::string, std::string>;
  enum class Side : uint8_t { kBefore, kAfter };

  // Adds a request. `example(head)` makes its text, and is called only when the text is needed.
  template <typename Describe>
  void add(RehearsedSide before, RehearsedSide after, Describe describe) {
    ++replayed_;
    if (before == after) {
      ++unchanged_;
      return;
    }
    Group& group = groups_[{std::move(before), std::move(after)}];
    ++group.count;
    if (group.examples.size() < kMaxExamples) add_example(group, describe());
  }
  // Counts a request that a rate limit would refuse.
  void add_refusal(Side side, Limit limit) {
    auto& [before, after] = limits_[std::move(limit)];
    ++(side == Side::kBefore ? before : after);
  }
  void set_unused_routes(std::vector<std::string> names) { unused_routes_ = std::move(names); }

  uint64_t replayed() const { return replayed_; }
  uint64_t unchanged() const { return unchanged_; }
  uint64_t changed() const { return replayed_ - unchanged_; }
  // The member `rehearsal` of the answer to POST /v1/plan.
  nlohmann::json tell() const;

 private:
  struct Group {
    uint64_t count = 0;
    std::vector<std::string> examples{};
  };
  static void add_example(Group& group, std::string text);

  uint64_t replayed_ = 0;
  uint64_t unchanged_ = 0;
  std::map<std::pair<RehearsedSide, RehearsedSide>, Group> groups_;
  std::vector<std::string> unused_routes_;
  std::map<Limit, std::pair<uint64_t, uint64_t>> limits_;
};

}  // namespace portcullis::control
