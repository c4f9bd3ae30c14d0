#include "policy/rate_limit/settings.h"

#include "config/field_types.h"

namespace portcullis::policy::rate_limit {
namespace {

// Adds the settings of a limit. `T` is LimitSettings or a class derived from LimitSettings.
template <typename T>
void add_limit_fields(config::ObjectType<T>& type) {
  type.optional("name", &LimitSettings::name, config::name_type(),
                "The name of the limit in `RateLimit` fields and metrics. Policies with the same name share "
                "their counters.")
      .optional("limit", &LimitSettings::limit, config::rate(),
                "Max number of requests (more precisely: the max sum of their `cost`) in a time: `100/s`, "
                "`5000/min`, `10/30s`, `100000/day`.")
      .optional("burst", &LimitSettings::burst, config::integer(1, 1'000'000'000),
                "For `token_bucket`: max number of requests that may come at once after a pause.")
      .default_in_words("the amount of `limit`")
      .optional("key", &LimitSettings::key, LimitKey::type(), LimitKey::summary())
      .optional("algorithm", &LimitSettings::algorithm, config::choice<limits::Algorithm>(),
                "`token_bucket` (GCRA: refilled steadily) or `sliding_window` (not more than `limit` in any "
                "period, estimated from the counts of the present and the previous period).");
}

config::Type<LimitSettings> limit_type() {
  auto type = std::make_shared<config::ObjectType<LimitSettings>>("limit", "One of several limits.");
  type->locate(&LimitSettings::location);
  add_limit_fields<LimitSettings>(*type);
  return type;
}

}  // namespace

std::shared_ptr<config::ObjectType<RateLimitSettings>> rate_limit_type() {
  auto type = std::make_shared<config::ObjectType<RateLimitSettings>>(
      "rate_limit",
      "Refuses requests with 429 when they come faster than the limits allow. A request is charged to all "
      "limits, or to none. The counters are exact for all workers together, and survive a reload.");
  add_limit_fields<RateLimitSettings>(*type);
  type->optional("limits", &RateLimitSettings::limits, config::list_of<LimitSettings>(limit_type()),
                 "Several limits, in place of the keys above. A request must be within all of them.")
      .optional("cost", &RateLimitSettings::cost, config::integer(0, 1'000'000),
                "The number that one request adds to the counter.")
      .optional("cost_field", &RateLimitSettings::cost_field, config::text("x-cost"),
                "A response field with the actual cost of the request, a whole number, for APIs that are "
                "priced by tokens or rows. The part beyond `cost` is charged afterwards; it can exceed the "
                "limit, and then further requests are refused until the limit has recovered.")
      .optional("dry_run", &RateLimitSettings::dry_run, config::choice<DryRun>(),
                "`on`: the policy counts requests and reports in log and metrics which ones it would refuse, "
                "but refuses none.")
      .optional("response_fields", &RateLimitSettings::response_fields, config::boolean(),
                "Whether responses have the fields `RateLimit` and `RateLimit-Policy`.")
      .optional("cluster", &RateLimitSettings::cluster, config::choice<ClusterMode>(),
                "Whether the nodes count together in `redis`: `off` (each node for itself), `exact` (one "
                "round trip to the server for each request) or `batched` (each worker leases a number of "
                "requests in advance, and leases more before they are used up; leased requests that are not "
                "used count as used until the limit has grown by the same number again).")
      .optional("on_error", &RateLimitSettings::on_error, config::choice<LimitOnError>(),
                "The decision when the Redis server does not answer: `local` (this node counts for itself, "
                "with the same limits), `allow`, or `deny` (503).")
      .optional("batch", &RateLimitSettings::batch, config::integer(1, 1'000'000),
                "For `batched`: max number of requests that a worker leases at once. The limit can be "
                "exceeded by this number for each worker of each node.")
      .default_in_words("a hundredth of the limit");
  return type;
}

void check_rate_limit(const RateLimitSettings& settings, const config::PolicyUse& use,
                      const config::Config& config, config::Diagnostics& diagnostics) {
  if (settings.cluster != ClusterMode::kOff && !config.redis.configured())
    diagnostics.error(use.location, "`cluster` needs the settings `redis` at the top level");
  if (settings.limits.empty() == (settings.limit.amount == 0)) {
    diagnostics.error(use.location, settings.limits.empty()
                                        ? "`rate_limit` needs `limit` or `limits`"
                                        : "`rate_limit` has both `limit` and `limits`: remove one of them");
  }
  for (LimitSettings limit : limits_of(settings)) {
    if (limit.location.line_read == 0) limit.location = use.location;
    if (limit.limit.amount == 0) {
      diagnostics.error(limit.location, "an element of `limits` needs `limit`");
    } else if (limit.algorithm == limits::Algorithm::kSlidingWindow && limit.limit.amount > 200'000'000) {
      diagnostics.error(limit.location, "the `limit` of a sliding window must not be more than 200000000");
    } else if (limit.algorithm == limits::Algorithm::kSlidingWindow && limit.burst != 0) {
      diagnostics.error(limit.location, "`burst` is only possible with `algorithm: token_bucket`");
    }
  }
}

std::vector<LimitSettings> limits_of(const RateLimitSettings& settings) {
  return settings.limits.empty() ? std::vector<LimitSettings>{settings} : settings.limits;
}

limits::Limit compile_limit(const LimitSettings& settings) {
  return {settings.algorithm, settings.limit.amount, settings.limit.period,
          settings.burst != 0 ? settings.burst : settings.limit.amount};
}

}  // namespace portcullis::policy::rate_limit
