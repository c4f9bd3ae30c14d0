#include "example_policy/example.h"

#include <nlohmann/json.hpp>

#include "config/field_types.h"
#include "example_policy/count_stage.h"
#include "example_policy/reasons.h"
#include "example_policy/tally.h"
#include "policy/services.h"
#include "telemetry/live_view.h"

namespace portcullis::policy::example {
namespace {

struct Settings {
  uint64_t limit = 100;
  bool answer = true;
};

class Example final : public Policy {
 public:
  Example(const Settings& settings, const BuildContext& build)
      : answers_(settings.answer),
        tally_(build.services.get<Tally>({.limit = settings.limit})),
        answered_(build.metrics.counter("example_answers_total", "What the example answered, by route.",
                                        {{"route", std::string(build.place)}})),
        bytes_(build.metrics.counter("example_bytes_total", "The bytes of the bodies that pass.", {})) {}

  Decision on_request(Context& context) const override {
    if (!answers_) {
      context.request_body.stages.pass_through([this, worker = context.worker](auto body) {
        return std::make_unique<CountStage>(std::move(body), bytes_, worker);
      });
      return Decision::proceed();
    }
    if (!tally_.take()) return Decision::refuse(kReasons.example_over);
    answered_.add(context.worker);
    context.response.status = 200;
    return Decision::answer(context.arena.decimal(tally_.taken()));
  }

  Decision on_response(Context& context) const override {
    context.response_body.pass_through(
        [&](auto body) { return std::make_unique<CountStage>(std::move(body), bytes_, context.worker); });
    return Decision::proceed();
  }

 private:
  bool answers_;
  Tally& tally_;
  telemetry::MetricCounter answered_;
  telemetry::MetricCounter bytes_;
};

std::string find_limit_of_none(const Settings& settings) {
  return settings.limit == 0 ? "with a `limit` of 0, every request is refused" : "";
}

nlohmann::json tell_limit(const telemetry::LiveView& view) {
  return {{"limit", view.value_of("example_limit")}};
}

Result<nlohmann::json> clear(std::string_view query, Services& services) {
  if (!query.empty()) return Error{"the example has no query"};
  auto& tally = services.get<Tally>();
  nlohmann::json told{{"cleared", tally.taken()}};
  tally.clear();
  return told;
}

}  // namespace

Kind kind() {
  auto type = std::make_shared<config::ObjectType<Settings>>("example", "Answers with a number.");
  type->optional("limit", &Settings::limit, config::integer(0, 1'000'000), "Max number of answers.")
      .optional("answer", &Settings::answer, config::boolean(),
                "Whether the policy answers, or only counts the bytes of the bodies.");
  return with_warning<Settings>(
      make_kind<Settings, Example>("example", type)
          .with_reasons(kReasons)
          .with_traits({.answers_all = true})
          .with_engine(Tally::start)
          .with_figures({.member = "example", .tell = tell_limit})
          .with_action(
              {.path = "/example/clear", .name = "clear", .summary = "Set the example back", .act = clear}),
      "example_of_none", find_limit_of_none);
}

}  // namespace portcullis::policy::example
