#include "policy/fault/fault.h"

#include <utility>

#include "config/field_types.h"
#include "policy/condition.h"
#include "policy/fault/reasons.h"
#include "policy/sampler.h"

namespace portcullis::policy::fault {
namespace {

struct Delay {
  std::chrono::milliseconds duration{0};
  uint64_t share = 100;  // percent
};

struct Abort {
  uint64_t status = 0;   // 0 when no request is refused
  uint64_t share = 100;  // percent
};

struct Settings {
  Delay delay;
  Abort abort;
  std::string when;
};

class Fault final : public Policy {
 public:
  Fault(const Settings& settings, const BuildContext& build)
      : settings_(settings), when_(settings.when), sampler_(build.workers) {}

  Decision on_request(Context& context) const override {
    if (!when_.holds(context)) return Decision::proceed();
    const bool aborts = settings_.abort.status != 0 && sampler_.picks(context, settings_.abort.share);
    if (settings_.delay.duration.count() > 0 && !context.explains() &&
        sampler_.picks(context, settings_.delay.share))
      return Decision::suspend(wait(context, aborts));
    return aborts ? abort() : Decision::proceed();
  }

  void add_reads(RequestReads& reads) const override { when_.add_reads(reads); }
  void add_owned_fields(OwnedFields& fields) const override { when_.add_read_fields(fields); }

  Notes explain(Context& context, const Decision&) const override {
    if (!when_.holds(context)) return {"does not apply to this request"};
    Notes notes;
    if (settings_.delay.duration.count() > 0)
      notes.push_back("would delay " + std::to_string(settings_.delay.share) + "% by " +
                      std::to_string(settings_.delay.duration.count()) + "ms");
    if (settings_.abort.status != 0)
      notes.push_back("would answer " + std::to_string(settings_.abort.share) + "% with " +
                      std::to_string(settings_.abort.status));
    return notes;
  }

 private:
  Decision abort() const {
    return Decision::refuse_with(static_cast<uint16_t>(settings_.abort.status), kReasons.fault_abort);
  }

  Task<Decision> wait(Context& context, bool aborts) const {
    co_await sleep_for(context.loop, settings_.delay.duration);
    context.remarks.note = "fault_delay";
    co_return aborts ? abort() : Decision::proceed();
  }

  Settings settings_;
  Condition when_;
  Sampler sampler_;
};

}  // namespace

Kind kind() {
  auto delay = std::make_shared<config::ObjectType<Delay>>("fault_delay", "Delays requests.");
  delay->required("duration", &Delay::duration, config::duration(), "Duration of the delay.")
      .optional("share", &Delay::share, config::percent(), "Share of the requests that is affected.");
  auto abort = std::make_shared<config::ObjectType<Abort>>("fault_abort", "Refuses requests.");
  abort->required("status", &Abort::status, config::integer(400, 599), "The status of the refusal.")
      .optional("share", &Abort::share, config::percent(), "Share of the requests that is affected.");
  auto type = std::make_shared<config::ObjectType<Settings>>(
      "fault", "Delays or refuses a share of the requests on purpose, to test how callers behave.");
  type->optional("delay", &Settings::delay, delay, "Delays requests before they go on.")
      .optional("abort", &Settings::abort, abort,
                "Refuses requests. A request that is also delayed is refused after the delay.")
      .optional("when", &Settings::when, Condition::type(),
                "A condition for the requests that may be delayed or refused, such as `request.header.x-test "
                "exists`.")
      .default_in_words("every request");
  Kind kind = make_kind<Settings, Fault>(
                  "fault", type,
                  [](const config::PolicyUse& use, const Settings& settings, const config::Config&,
                     config::Diagnostics& diagnostics) {
                    if (settings.delay.duration.count() == 0 && settings.abort.status == 0)
                      diagnostics.error(use.location, "`fault` needs `delay`, `abort` or both");
                  })
                  .with_reasons(kReasons);
  return with_insight<Settings>(std::move(kind), [](const Settings& settings, const config::PolicyUse& use) {
    Insight out;
    out.add_reads(Condition(settings.when).caller_reads(), use.location);
    return out;
  });
}

}  // namespace portcullis::policy::fault
