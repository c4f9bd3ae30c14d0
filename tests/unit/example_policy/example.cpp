#include "example_policy/example.h"

#include "config/field_types.h"
#include "example_policy/reasons.h"
#include "example_policy/tally.h"
#include "policy/services.h"

namespace portcullis::policy::example {
namespace {

struct Settings {
  uint64_t limit = 100;
};

class Example final : public Policy {
 public:
  Example(const Settings& settings, const BuildContext& build)
      : tally_(build.services.get<Tally>({.limit = settings.limit})),
        answered_(build.metrics.counter("example_answers_total", "What the example answered, by route.",
                                        {{"route", std::string(build.place)}})) {}

  Decision on_request(Context& context) const override {
    if (!tally_.take()) return Decision::refuse(kReasons.example_over);
    answered_.add(context.worker);
    context.response.status = 200;
    return Decision::answer(context.arena.decimal(tally_.taken()));
  }

 private:
  Tally& tally_;
  telemetry::MetricCounter answered_;
};

std::string find_limit_of_none(const Settings& settings) {
  return settings.limit == 0 ? "with a `limit` of 0, every request is refused" : "";
}

}  // namespace

Kind kind() {
  auto type = std::make_shared<config::ObjectType<Settings>>("example", "Answers with a number.");
  type->optional("limit", &Settings::limit, config::integer(0, 1'000'000), "Max number of answers.");
  return with_warning<Settings>(
      make_kind<Settings, Example>("example", type).with_reasons(kReasons).with_traits({.answers_all = true}),
      "example_of_none", find_limit_of_none);
}

}  // namespace portcullis::policy::example
