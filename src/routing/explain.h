#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/enum_names.h"
#include "routing/route_table.h"

namespace portcullis::routing {

// Explains to people why a route did or did not get a request. Not for the data path: it examines every rule.
enum class Verdict {
  kChosen,
  kOutranked,
  kOtherHost,
  kOtherPath,
  kOtherMethod,
  kOtherPredicate,
  kOtherListener
};
constexpr auto names_of(Verdict) {
  return std::to_array<EnumName<Verdict>>({{Verdict::kChosen, "chosen"},
                                           {Verdict::kOutranked, "outranked"},
                                           {Verdict::kOtherHost, "other_host"},
                                           {Verdict::kOtherPath, "other_path"},
                                           {Verdict::kOtherMethod, "other_method"},
                                           {Verdict::kOtherPredicate, "other_condition"},
                                           {Verdict::kOtherListener, "other_listener"}});
}

struct Judgement {
  uint32_t route = 0;
  Verdict verdict = Verdict::kOtherHost;
  std::string reason;  // "path is /v1/orders, not below /v2"
};

// Returns one judgement per rule, in order. `result` is the table's own answer for the same request; the
// judgements explain it and never contradict it.
std::vector<Judgement> judge(const std::vector<RouteRule>& rules, const MatchResult& result,
                             const RequestView& request);

// Why `chosen` comes before `other` where both match a request for `host`: "is for a more exact host". A text
// for people, following RouteTable's precedence.
std::string why_preferred(const RouteRule& chosen, const RouteRule& other, std::string_view host);

struct Shadowed {
  uint32_t route = 0;
  uint32_t by = 0;  // a rule that takes its requests; with methods, other rules may take the rest
};

// Rules that can never get a request, because earlier rules with the same hosts and path take all of them.
std::vector<Shadowed> unreachable_rules(const std::vector<RouteRule>& rules);

}  // namespace portcullis::routing
