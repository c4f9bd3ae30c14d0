#include "policy/quota/quota.h"

#include "base/wall_clock.h"
#include "config/field_types.h"
#include "policy/limit_key.h"
#include "policy/per_worker.h"
#include "policy/quota/book.h"
#include "policy/quota/reasons.h"
#include "policy/services.h"

namespace portcullis::policy::quota {
namespace {

using limits::Calendar;
using limits::CalendarWindow;

struct Settings {
  std::string name;
  uint64_t limit = 0;
  Calendar per = Calendar::kMonth;
  std::string time_zone = "UTC";
  uint64_t cost = 1;
  bool response_fields = true;
};

class Quota final : public Policy {
 public:
  Quota(const Settings& settings, const BuildContext& build)
      : settings_(settings), consumers_(build.consumers), windows_(build.workers) {
    const std::string scope = count_scope(settings.name, build);
    const CalendarWindow now = limits::window_at(current_second(), settings.per, settings.time_zone);
    limits::QuotaBook& book = build.services.get<Book>().quotas();
    for (const identity::Consumer& consumer : consumers_->consumers()) {
      counters_.push_back(&book.counter(
          scope + "/" + std::string(name_of(settings.per)) + "/" + settings.time_zone + "/" + consumer.name,
          settings.per, now));
    }
    label_ = settings.name.empty() ? "quota" : settings.name;
    policy_field_ = "\"" + label_ + "\";q=" + std::to_string(settings.limit) +
                    ";w=" + std::to_string((now.end - now.begin).count());
  }

  Decision on_request(Context& context) const override {
    const identity::Consumer* consumer = context.caller.consumer;
    if (consumer == nullptr) return Decision::refuse(kReasons.quota_without_consumer, "forbidden");
    const std::chrono::sys_seconds now = current_second();
    const CalendarWindow& window = window_now(context, now);
    limits::QuotaCounter& counter = *counters_[consumer->index];
    const auto outcome = context.explains() ? counter.look(window, settings_.limit, settings_.cost)
                                            : counter.charge(window, settings_.limit, settings_.cost);
    const auto left = static_cast<uint64_t>((window.end - now).count());
    context.keep(this,
                 context.arena.make<Told>(settings_.limit - std::min(outcome.used, settings_.limit), left));
    if (outcome.allowed) return Decision::proceed();
    context.response.fields.add("retry-after", context.arena.decimal(std::max<uint64_t>(left, 1)));
    return Decision::refuse(kReasons.quota_exceeded);
  }

  Decision on_response(Context& context) const override {
    const Told* told = context.kept<Told>(this);
    if (told == nullptr || !settings_.response_fields) return Decision::proceed();
    context.response.fields.add("ratelimit-policy", policy_field_);
    context.response.fields.add(
        "ratelimit", context.arena.concat("\"", label_, "\";r=", context.arena.decimal(told->remaining),
                                          ";t=", context.arena.decimal(told->seconds)));
    return Decision::proceed();
  }

  Notes explain(Context& context, const Decision&) const override {
    const identity::Consumer* consumer = context.caller.consumer;
    if (consumer == nullptr) return {};
    const uint64_t used = counters_[consumer->index]->used(window_now(context, current_second()));
    return {"would charge " + std::to_string(settings_.cost) + " to the quota `" + label_ + "` (" +
            std::to_string(settings_.limit) + " a " + std::string(name_of(settings_.per)) + ", " +
            settings_.time_zone + ") of consumer `" + consumer->name + "`, which has used " +
            std::to_string(used)};
  }

 private:
  struct Told {
    uint64_t remaining;
    uint64_t seconds;
  };

  // The current window of the calendar, which is computed once for each window and worker.
  const CalendarWindow& window_now(const Context& context, std::chrono::sys_seconds now) const {
    CalendarWindow& mine = windows_.get(context.worker, [] { return std::make_unique<CalendarWindow>(); });
    if (!mine.holds(now)) mine = limits::window_at(now, settings_.per, settings_.time_zone);
    return mine;
  }

  Settings settings_;
  std::shared_ptr<const identity::Directory> consumers_;
  std::vector<limits::QuotaCounter*> counters_;  // by the consumer's index
  std::string label_;
  std::string policy_field_;
  PerWorker<CalendarWindow> windows_;
};

void check(const config::PolicyUse& use, const Settings&, const config::Config& config,
           config::Diagnostics& diagnostics) {
  if (config.quotas.file.empty() && !config.quotas.redis)
    diagnostics.error(use.location,
                      "the policy `quota` needs the settings `quotas` at the top level, which say where the "
                      "counters are stored");
}

}  // namespace

Kind kind() {
  auto type = std::make_shared<config::ObjectType<Settings>>(
      "quota",
      "Limits the requests of each consumer in each hour, day, week or month of the calendar; 429 beyond the "
      "limit. The counters survive a restart. Put this policy behind one that authenticates: a request "
      "without a consumer gets 403.");
  type->optional(
          "name", &Settings::name, config::name_type(),
          "The name of the quota in `RateLimit` fields. Policies with the same name share their counters.")
      .required("limit", &Settings::limit, config::integer(1, 1'000'000'000'000),
                "Max number of requests in a period (more precisely: the max sum of their `cost`).")
      .optional("per", &Settings::per, config::choice<Calendar>(),
                "The period of the calendar; weeks begin on Monday.")
      .optional("time_zone", &Settings::time_zone,
                config::checked_text("a time zone", "", "Europe/Berlin",
                                     [](const std::string& text) -> std::string {
                                       return limits::is_time_zone(text) ? ""
                                                                         : "there is no time zone `" + text +
                                                                               "`; write it as Europe/Berlin";
                                     }),
                "The time zone of the calendar.")
      .optional("cost", &Settings::cost, config::integer(1, 1'000'000),
                "The number that one request adds to the counter.")
      .optional("response_fields", &Settings::response_fields, config::boolean(),
                "Whether responses have the fields `RateLimit` and `RateLimit-Policy`.");
  return with_insight<Settings>(
      make_kind<Settings, Quota>("quota", type, check)
          .with_reasons(kReasons)
          .with_engine(Book::start)
          .with_traits({.limits_consumers = true}),
      [](const Settings&, const config::PolicyUse&) { return Insight{.needs_consumer = true}; });
}

}  // namespace portcullis::policy::quota
