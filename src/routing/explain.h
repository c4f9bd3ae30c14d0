#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "routing/route_table.h"

namespace portcullis::routing {

// Why a route did or did not get a request, for people. Not for the data path: it looks at every rule.
enum class Verdict {
  kChosen,
  kOutranked,
  kOtherHost,
  kOtherPath,
  kOtherMethod,
  kOtherPredicate,
  kOtherListener
};

struct Judgement {
  uint32_t route = 0;
  Verdict verdict = Verdict::kOtherHost;
  std::string reason;  // "path is /v1/orders, not below /v2"
};

// One judgement for each rule, in their order. `result` is the table's own answer for the same request, which
// the judgements explain and never second-guess.
std::vector<Judgement> judge(const std::vector<RouteRule>& rules, const MatchResult& result,
                             const RequestView& request);

// Why `chosen` comes before `other` where both match a request for `host`: "is for a more exact host". For
// people, as RouteTable's precedence says.
std::string why_preferred(const RouteRule& chosen, const RouteRule& other, std::string_view host);

struct Shadowed {
  uint32_t route = 0;
  uint32_t by = 0;  // a rule that takes requests from it; with methods there may be others that take the rest
};

// Rules that can never get a request, because rules before them with the same hosts and path take them all.
std::vector<Shadowed> unreachable_rules(const std::vector<RouteRule>& rules);

}  // namespace portcullis::routing
