#include "control/canary_trial.h"

#include <algorithm>
#include <utility>

#include "config/value_types.h"
#include "telemetry/shards.h"

namespace portcullis::control {

CanaryCounts CanaryCounts::of(const telemetry::RevisionShards& shards) {
  const auto count = [&shards](size_t status_class) {
    return telemetry::sum(shards,
                          [status_class](const telemetry::RevisionMetrics& one) -> const telemetry::Counter& {
                            return one.responses[status_class];
                          });
  };
  // Errors first, so that there are never more of them than requests: workers count meanwhile.
  CanaryCounts out{.errors = count(5)};
  out.duration = telemetry::sum(
      shards,
      [](const telemetry::RevisionMetrics& one) -> const telemetry::Counter& { return one.duration; });
  for (size_t i = 0; i <= 5; ++i) out.requests += count(i);
  return out;
}

Clock::time_point began_at(std::chrono::system_clock::time_point since) {
  using std::chrono::system_clock;
  const auto age = std::max(system_clock::now() - since, system_clock::duration::zero());
  return Clock::now() - std::chrono::duration_cast<Clock::duration>(age);
}

Milliseconds CanaryTrial::left(Clock::time_point now) const {
  const auto left = std::chrono::ceil<Milliseconds>(began_ + rules_.for_time - now);
  return std::max(left, Milliseconds(0));
}

std::optional<std::string> CanaryTrial::fault(const CanaryCounts& canary) const {
  const proxy::CanaryWithdrawal& bounds = rules_.withdraw_when;
  // Both counts are far below 2^50, so the products do not overflow.
  if (canary.requests < bounds.min_requests ||
      canary.errors * 10'000 <= canary.requests * bounds.errors_above.of_10_000)
    return std::nullopt;
  return std::to_string(canary.errors) + " of " + std::to_string(canary.requests) +
         " requests failed, more than " + config::print_fine_share(bounds.errors_above);
}

CanaryTrial::Verdict CanaryTrial::judge(const CanaryCounts& canary, Clock::time_point now) const {
  if (auto failed = fault(canary)) return {Verdict::Step::kWithdrawn, std::move(*failed)};
  if (left(now) > Milliseconds(0)) return {};
  return {rules_.promote ? Verdict::Step::kPromoted : Verdict::Step::kWithdrawn, "its time is over"};
}

}  // namespace portcullis::control
