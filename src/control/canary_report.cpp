#include "control/canary_report.h"

#include <nlohmann/json.hpp>

#include "base/wall_clock.h"
#include "control/logs.h"

namespace portcullis::control {
namespace {

const char* event_of(CanaryNews::Kind kind) {
  switch (kind) {
    case CanaryNews::Kind::kStarted: return "canary_started";
    case CanaryNews::Kind::kPromoted: return "canary_promoted";
    case CanaryNews::Kind::kWithdrawn: return "canary_withdrawn";
  }
  return "canary_started";
}

}  // namespace

void CanaryReport::tell(const CanaryNews& news, const Author& by) const {
  const bool is_promoted = news.kind == CanaryNews::Kind::kPromoted;
  nlohmann::json about{{"revision", news.revision}, {"base", news.base}, {"author", by.name}};
  if (!news.reason.empty()) about["reason"] = news.reason;
  events_.publish(event_of(news.kind), about);
  if (is_promoted) node_.since = current_second();
  about.erase("author");
  about["outcome"] = "succeeded";
  logs_.audit(event_of(news.kind), by, about);
}

}  // namespace portcullis::control
