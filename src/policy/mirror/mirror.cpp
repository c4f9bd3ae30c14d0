#include "policy/mirror/mirror.h"

#include "policy/condition.h"
#include "policy/sampler.h"

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

class Mirror final : public Policy {
 public:
  Mirror(const Settings& settings, const BuildContext& build)
      : settings_(settings), when_(settings.when), sampler_(build.workers) {
    to_.body_size = settings.body_size;
    to_.most = static_cast<uint32_t>(settings.concurrent);
    to_.metrics = build.metrics.mirror(settings.upstream);
    while (build.config.upstreams[to_.upstream].name != settings.upstream) ++to_.upstream;
  }

  Decision on_request(Context& context) const override {
    if (when_.holds(context) && sampler_.picks(context, settings_.share))
      context.mirrors = context.arena.make<Context::Mirror>(&to_, context.mirrors);
    return Decision::proceed();
  }

  void add_owned_fields(OwnedFields& fields) const override { when_.add_read_fields(fields); }

  Notes explain(Context& context, const Decision&) const override {
    if (!when_.holds(context)) return {"does not apply to this request"};
    return {"would send a copy of " + std::to_string(settings_.share) + "% to `" + settings_.upstream + "`"};
  }

 private:
  Settings settings_;
  Condition when_;
  MirrorTo to_;
  Sampler sampler_;
};

}  // namespace

Kind kind() {
  auto type = std::make_shared<config::ObjectType<Settings>>(
      "mirror",
      "Sends a copy of a share of the requests to another upstream, as they are when they are forwarded, and "
      "drops its answers. The client's request is never held up or changed by it.");
  type->required("upstream", &Settings::upstream, config::text("orders-next"),
                 "The name of the upstream that gets copies.")
      .locate_last(&Settings::upstream_location)
      .optional("share", &Settings::share, config::percent(), "Of the requests.")
      .optional("when", &Settings::when, Condition::type(), "Which requests, as `method in [GET, HEAD]`.")
      .default_in_words("every request")
      .optional("body_size", &Settings::body_size, config::size(),
                "Requests with a larger body are not copied.")
      .optional("concurrent", &Settings::concurrent, config::integer(1, 1'000'000),
                "So many copies at once; further ones are dropped and counted.");
  Kind kind = make_kind<Settings, Mirror>("mirror", type,
                                          [](const config::PolicyUse&, const Settings& settings,
                                             const config::Config& config, config::Diagnostics& diagnostics) {
                                            std::vector<std::string_view> known;
                                            for (const config::Upstream& one : config.upstreams)
                                              known.push_back(one.name);
                                            diagnostics.refuse_unknown("upstream", settings.upstream, known,
                                                                       settings.upstream_location);
                                          });
  return with_insight<Settings>(std::move(kind), [](const Settings& settings, const config::PolicyUse& use) {
    Insight out;
    out.add_reads(Condition(settings.when).caller_reads(), use.location);
    return out;
  });
}

}  // namespace portcullis::policy::mirror
