// Finds policies whose order keeps one of them from working.

#include <string>

#include "control/warnings/warnings.h"
#include "policy/condition.h"
#include "policy/limit_key.h"
#include "policy/registry.h"

namespace portcullis::control::warnings {
namespace {

// The place to report that `first` stands before `second`: the place within the route, when one of the
// policies is the route's own.
const config::Location& place_of_pair(const PlacedUse& first, bool first_is_own, const PlacedUse& second) {
  return first_is_own ? first.use->location : second.use->location;
}

// What the policies of a route up to some point have found out about the caller.
struct Known {
  bool caller = false;
  bool claims = false;

  void add(const PlacedUse& one) {
    caller |= one.use->traits.authenticates;
    claims |= one.use->traits.tells_claims || one.insight.tells_claims;
  }
  bool has(policy::CallerRead::Source source) const {
    return source == policy::CallerRead::Source::kClaims ? claims : caller;
  }
  // Why a property from `source` has no value.
  std::string lack(policy::CallerRead::Source source) const {
    if (!caller || source != policy::CallerRead::Source::kClaims) return "no policy before it authenticates";
    return "no policy before it reads a token (" +
           config::names_with(policy::catalog(), &config::PolicyTraits::tells_claims) + ")";
  }
};

// `route` is null for policies of the top level.
void check_use(const PlacedUse& one, const Known& known, const config::Route* route, Report& report) {
  const std::string& name = one.use->name;
  const std::string where =
      one.set != nullptr && route != nullptr ? "in route `" + route->name + "`" : std::string("here");
  if (one.insight.needs_consumer && !known.caller)
    report.add(one.use->location, "`" + name + "` refuses every request " + where + ": " +
                                      known.lack(policy::CallerRead::Source::kConsumer));
  if (one.use->traits.authenticates) return;  // a policy that authenticates reads what it has found itself
  for (const policy::Insight::Read& read : one.insight.reads) {
    if (!known.has(read.what.source))
      report.add(read.place, "`" + read.what.written + "` of `" + name + "` never has a value " + where +
                                 ": " + known.lack(read.what.source));
  }
}

// Checks the conditions and the key that choose a branch of a split, after all policies have run.
void check_split(const config::Route& route, const Known& known, Report& report) {
  const auto check_reads = [&](const policy::CallerReads& reads, const config::Location& place) {
    for (const policy::CallerRead& read : reads) {
      if (!known.has(read.source))
        report.add(place, "`" + read.written + "` never has a value here: no policy of route `" + route.name +
                              "` " + (known.caller ? "reads a token" : "authenticates"));
    }
  };
  for (const config::Branch& branch : route.split)
    check_reads(policy::Condition(branch.when).caller_reads(), branch.when_location);
  if (!route.split_sticky.key.empty())
    check_reads(policy::LimitKey(route.split_sticky.key).caller_reads(), route.split_sticky.key_location);
}

}  // namespace

void find_cors_after_authentication(const Facts& facts, Report& report) {
  for (size_t i = 0; i < facts.config().routes.size(); ++i) {
    const PlacedUse* guard = nullptr;
    bool answered = false;
    facts.for_each_policy(i, [&](const PlacedUse& one, bool own) {
      if (one.use->traits.answers_preflights) {
        // When both policies are at the top level, one warning is enough for all routes.
        if (guard != nullptr && !answered && (own || i == 0))
          report.add(one.use->location, "browsers send preflights without credentials: `" + guard->use->name +
                                            "` (" + guard->use->location.seen_from(one.use->location) +
                                            ") refuses them before `" + one.use->name +
                                            "` can answer; put `" + one.use->name + "` first");
        answered = true;
      } else if (guard == nullptr && one.use->traits.authenticates && !one.insight.admits_anonymous) {
        guard = &one;
      }
    });
  }
}

void find_cache_before_access(const Facts& facts, Report& report) {
  for (size_t i = 0; i < facts.config().routes.size(); ++i) {
    const PlacedUse* cache = nullptr;
    bool cache_is_own = false;
    facts.for_each_policy(i, [&](const PlacedUse& one, bool own) {
      if (one.insight.answers_from_store && cache == nullptr) {
        cache = &one;
        cache_is_own = own;
      } else if (cache != nullptr && (one.use->traits.authenticates || one.insight.decides_access) &&
                 (own || i == 0)) {
        const config::Location& place = place_of_pair(*cache, cache_is_own, one);
        const PlacedUse& other = &place == &one.use->location ? *cache : one;
        report.add(place, "`" + cache->use->name + "` stands before `" + one.use->name + "` (" +
                              other.use->location.seen_from(place) +
                              "): stored responses are served to requests that `" + one.use->name +
                              "` would refuse");
      }
    });
  }
}

void find_unreached_policies(const Facts& facts, Report& report) {
  for (size_t i = 0; i < facts.config().routes.size(); ++i) {
    const PlacedUse* answer = nullptr;
    bool told = false;
    facts.for_each_policy(i, [&](const PlacedUse& one, bool own) {
      if (answer == nullptr) {
        if (one.use->traits.answers_all) answer = &one;
        return;
      }
      // A policy that answers preflights changes all responses of its route, wherever it stands.
      if (told || one.use->traits.answers_preflights || (!own && i != 0)) return;
      told = true;
      report.add(one.use->location, "`" + one.use->name + "` never sees a request: `" + answer->use->name +
                                        "` (" + answer->use->location.seen_from(one.use->location) +
                                        ") answers all of them before it");
    });
  }
}

void find_unknown_callers(const Facts& facts, Report& report) {
  Known shared;
  for (const PlacedUse& one : facts.shared()) {
    check_use(one, shared, nullptr, report);
    shared.add(one);
  }
  for (size_t i = 0; i < facts.config().routes.size(); ++i) {
    Known known = shared;
    for (const PlacedUse& one : facts.own(i)) {
      check_use(one, known, &facts.config().routes[i], report);
      known.add(one);
    }
    check_split(facts.config().routes[i], known, report);
  }
}

}  // namespace portcullis::control::warnings
