#include "policy/cache/figures.h"

#include <nlohmann/json.hpp>

#include "policy/outcome_figures.h"

namespace portcullis::policy::cache {
namespace {

using nlohmann::json;
using telemetry::LiveView;

telemetry::MetricShare hits() {
  return {"cache_requests_total", "outcome", {"hit", "stale", "collapsed"}, {"miss"}};
}

json disk_figures(const LiveView& view) {
  return {{"bytes", whole(view.value_of("cache_disk_bytes"))},
          {"limit", whole(view.value_of("cache_disk_limit_bytes"))},
          {"entries", whole(view.value_of("cache_disk_entries"))},
          {"evictions", whole(view.value_of("cache_disk_evictions_total"))},
          {"lost", whole(view.value_of("cache_disk_lost_total", {{"why", "damaged"}}) +
                         view.value_of("cache_disk_lost_total", {{"why", "write_failed"}}))}};
}

json tell(const LiveView& view) {
  json out{{"hit_ratio", rounded(view.share())},
           {"bytes", whole(view.value_of("cache_bytes"))},
           {"limit", whole(view.value_of("cache_limit_bytes"))},
           {"entries", whole(view.value_of("cache_entries"))},
           {"evictions", whole(view.value_of("cache_evictions_total"))},
           {"routes", json::array()}};
  if (view.value_of("cache_disk_limit_bytes") > 0) out["disk"] = disk_figures(view);
  const telemetry::MetricShare share = hits();
  for (auto& [route, outcomes] : outcomes_by(view, share.metric, "route")) {
    const OutcomeFigure answered = sum_of(outcomes, share.part), missed = sum_of(outcomes, share.rest);
    const double asked = answered.rate + missed.rate;
    out["routes"].push_back({{"route", route},
                             {"rate", rounded(asked)},
                             {"hit_ratio", asked < 0.001 ? -1 : rounded(answered.rate / asked)},
                             {"hits", whole(answered.total)},
                             {"misses", whole(missed.total)}});
  }
  return out;
}

}  // namespace

Figures figures() {
  return {.member = "cache", .tell = tell, .share = hits()};
}

}  // namespace portcullis::policy::cache
