#include "policy/mirror/mirror.h"

#include "policy/condition.h"
#include "policy/mirror/copies.h"
#include "policy/sampler.h"
#include "policy/services.h"

namespace portcullis::policy::mirror {
namespace {

struct Settings {
  std::string upstream;
  config::Location upstream_location;
  uint64_t share = 100;  // percent
  std::string when;
  uint64_t body_size = 64 * 1024;
  uint64_t concurrent = 100;
};

constexpr const char* kCopies = "mirrored_requests_total";
constexpr const char* kCopiesHelp =
    "Copies of requests that mirror policies made, by upstream that gets the copies and outcome (answered, "
    "failed, or dropped: too many copies at once, or the body was too large).";

telemetry::MetricCounter copies(telemetry::MetricSet& metrics, const std::string& upstream,
                                const char* outcome) {
  return metrics.counter(kCopies, kCopiesHelp, {{"upstream", upstream}, {"outcome", outcome}});
}

class Mirror final : public Policy, private CopyReceiver {
 public:
  Mirror(const Settings& settings, const BuildContext& build)
      : settings_(settings),
        when_(settings.when),
        sampler_(build.workers),
        on_their_way_(build.services.get<Copies>().on_their_way(settings.upstream)),
        answered_(copies(build.metrics, settings.upstream, "answered")),
        failed_(copies(build.metrics, settings.upstream, "failed")),
        dropped_(copies(build.metrics, settings.upstream, "dropped")) {
    while (build.config.upstreams[upstream_].name != settings.upstream) ++upstream_;
  }

  Decision on_request(Context& context) const override {
    if (when_.holds(context) && sampler_.picks(context, settings_.share) && context.errands != nullptr)
      context.errands->copy_to(*this);
    return Decision::proceed();
  }

  void add_owned_fields(OwnedFields& fields) const override { when_.add_read_fields(fields); }

  Notes explain(Context& context, const Decision&) const override {
    if (!when_.holds(context)) return {"does not apply to this request"};
    return {"would send a copy of " + std::to_string(settings_.share) + "% to `" + settings_.upstream + "`"};
  }

 private:
  size_t upstream() const override { return upstream_; }
  uint64_t max_body_size() const override { return settings_.body_size; }
  bool begin() const override {
    if (on_their_way_.fetch_add(1, std::memory_order_relaxed) < settings_.concurrent) return true;
    end();
    return false;
  }
  void end() const override { on_their_way_.fetch_sub(1, std::memory_order_relaxed); }
  void note(size_t worker, Outcome outcome) const override {
    switch (outcome) {
      case Outcome::kAnswered: answered_.add(worker); break;
      case Outcome::kFailed: failed_.add(worker); break;
      case Outcome::kDropped: dropped_.add(worker); break;
    }
  }

  Settings settings_;
  Condition when_;
  Sampler sampler_;
  size_t upstream_ = 0;  // index into the upstreams of the configuration
  std::atomic<uint32_t>& on_their_way_;
  telemetry::MetricCounter answered_;
  telemetry::MetricCounter failed_;
  telemetry::MetricCounter dropped_;
};

}  // namespace

Kind kind() {
  auto type = std::make_shared<config::ObjectType<Settings>>(
      "mirror",
      "Sends copies of a share of the requests to another upstream, with the changes of the policies before "
      "this one, and drops the responses to the copies. A copy never delays or changes the request of the "
      "client.");
  type->required("upstream", &Settings::upstream, config::text("orders-next"),
                 "The name of the upstream that gets the copies.")
      .locate_last(&Settings::upstream_location)
      .optional("share", &Settings::share, config::percent(), "Share of the requests that is copied.")
      .optional("when", &Settings::when, Condition::type(),
                "A condition for the requests that may be copied, such as `request.method in [GET, HEAD]`.")
      .default_in_words("every request")
      .optional("body_size", &Settings::body_size, config::size(),
                "Max size of the body of a copied request; requests with a larger body are not copied.")
      .optional("concurrent", &Settings::concurrent, config::integer(1, 1'000'000),
                "Max number of copies at once; further ones are dropped and counted.");
  Kind kind = make_kind<Settings, Mirror>("mirror", type,
                                          [](const config::PolicyUse&, const Settings& settings,
                                             const config::Config& config, config::Diagnostics& diagnostics) {
                                            std::vector<std::string_view> known;
                                            for (const config::Upstream& one : config.upstreams)
                                              known.push_back(one.name);
                                            diagnostics.refuse_unknown("upstream", settings.upstream, known,
                                                                       settings.upstream_location);
                                          });
  kind.declare_metrics = [](telemetry::MetricSet& metrics) {
    metrics.declare(telemetry::MetricSet::Type::kCounter, kCopies, kCopiesHelp);
  };
  return with_insight<Settings>(std::move(kind), [](const Settings& settings, const config::PolicyUse& use) {
    Insight out;
    out.add_reads(Condition(settings.when).caller_reads(), use.location);
    return out;
  });
}

}  // namespace portcullis::policy::mirror
