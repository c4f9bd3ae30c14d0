#include "policy/usage_plan/usage_plan.h"

#include <algorithm>
#include <map>

#include "policy/usage_plan/reasons.h"

namespace portcullis::policy::usage_plan {
namespace {

struct Settings {
  std::string default_plan;
  config::Location default_plan_location;
};

using Policies = std::vector<PolicyPointer>;

class UsagePlan final : public Policy {
 public:
  UsagePlan(const Settings& settings, const std::vector<Kind>& kinds, const BuildContext& build)
      : consumers_(build.consumers) {
    std::map<std::string_view, size_t> index;
    for (const config::Plan& plan : build.config.plans) {
      index[plan.name] = plans_.size();
      plans_.push_back(build_plan(plan, kinds, build));
    }
    const auto plan_of = [&](const std::string& name) {
      const auto found = index.find(name);
      return found == index.end() ? kNone : found->second;
    };
    fallback_ = plan_of(settings.default_plan);
    for (const identity::Consumer& consumer : consumers_->consumers()) {
      const size_t own = plan_of(consumer.plan);
      by_consumer_.push_back(own == kNone ? fallback_ : own);
    }
    for (const Policies& plan : plans_) {
      for (const PolicyPointer& one : plan) watches_end_ |= one->watches_end();
    }
  }

  Decision on_request(Context& context) const override {
    const size_t plan = plan_of(context);
    if (plan == kNone) return Decision::refuse(kReasons.no_usage_plan, "forbidden");
    return run(context, plans_[plan], 0);
  }
  Decision on_response(Context& context) const override {
    const Begun* begun = context.kept<Begun>(this);
    return begun == nullptr ? Decision::proceed() : respond(context, *begun->policies, begun->count);
  }
  void on_end(Context& context) const override {
    const Begun* begun = context.kept<Begun>(this);
    for (size_t i = begun == nullptr ? 0 : begun->count; i > 0; --i) {
      const Policy& one = *(*begun->policies)[i - 1];
      if (one.watches_end()) one.on_end(context);
    }
  }
  bool watches_end() const override { return watches_end_; }

  void add_reads(RequestReads& reads) const override {
    for (const Policies& plan : plans_) {
      for (const PolicyPointer& one : plan) one->add_reads(reads);
    }
  }
  Notes explain(Context& context, const Decision& decision) const override {
    Notes out;
    const Begun* begun = context.kept<Begun>(this);
    for (size_t i = 0; begun != nullptr && i < begun->count; ++i) {
      // The policies before the last one have let the request pass.
      const bool decided = i + 1 == begun->count;
      Notes its = (*begun->policies)[i]->explain(context, decided ? decision : proceed_);
      out.insert(out.end(), its.begin(), its.end());
    }
    return out;
  }

 private:
  static constexpr size_t kNone = SIZE_MAX;

  // The policies of the request's plan, and the number of those whose on_request has run.
  struct Begun {
    const Policies* policies;
    size_t count;
  };

  // Builds the policies of the plan for this route, then those for all routes.
  static Policies build_plan(const config::Plan& plan, const std::vector<Kind>& kinds,
                             const BuildContext& build) {
    Policies out;
    const auto add = [&](const std::vector<config::PolicyUse>& uses, const std::string& place) {
      for (const config::PolicyUse& use : uses) {
        BuildContext own = build;
        own.place = place;  // counters belong to the plan, so that all its routes share them
        own.location = use.location;
        out.push_back(find_kind(kinds, use.name)->create(use.settings, own));
      }
    };
    for (size_t i = 0; i < plan.apis.size(); ++i) {
      const std::vector<std::string>& routes = plan.apis[i].routes;
      if (std::find(routes.begin(), routes.end(), build.place) != routes.end())
        add(plan.apis[i].policies, "plan:" + plan.name + "/" + std::to_string(i));
    }
    add(plan.policies, "plan:" + plan.name);
    return out;
  }

  size_t plan_of(const Context& context) const {
    return context.caller.consumer == nullptr ? fallback_ : by_consumer_[context.caller.consumer->index];
  }

  Decision run(Context& context, const Policies& policies, size_t first) const {
    Begun* begun = context.kept<Begun>(this);
    if (begun == nullptr) {
      begun = context.arena.make<Begun>(&policies, size_t{0});
      context.keep(this, begun);
    }
    for (size_t i = first; i < policies.size(); ++i) {
      begun->count = i + 1;
      Decision decision = policies[i]->on_request(context);
      if (decision.kind == Decision::Kind::kSuspend)
        return Decision::suspend(settle_then(std::move(decision.later), [this, &context, &policies, i] {
          return run(context, policies, i + 1);
        }));
      if (decision.kind != Decision::Kind::kContinue) return decision;
    }
    return Decision::proceed();
  }

  // Shows the response to the first `count` policies of the plan, in reverse order.
  Decision respond(Context& context, const Policies& policies, size_t count) const {
    while (count > 0) {
      Decision decision = policies[--count]->on_response(context);
      if (decision.kind == Decision::Kind::kSuspend)
        return Decision::suspend(settle_then(std::move(decision.later), [this, &context, &policies, count] {
          return respond(context, policies, count);
        }));
      if (decision.kind != Decision::Kind::kContinue) return decision;
    }
    return Decision::proceed();
  }

  std::shared_ptr<const identity::Directory> consumers_;
  std::vector<Policies> plans_;
  std::vector<size_t> by_consumer_;
  size_t fallback_ = kNone;
  bool watches_end_ = false;
  const Decision proceed_ = Decision::proceed();
};

}  // namespace

Kind kind(const std::vector<Kind>& limiting) {
  auto type = std::make_shared<config::ObjectType<Settings>>(
      "usage_plan",
      "Applies the limits of the consumer's plan (`consumers[].plan`), those for this route first. Put this "
      "policy behind one that authenticates. A consumer without a plan gets 403.");
  type->optional("default", &Settings::default_plan, config::text("free"),
                 "The name of the plan for consumers that have no plan.")
      .locate_last(&Settings::default_plan_location);
  Kind kind{.description = {"usage_plan", type}, .create = {}};
  kind.create = [limiting](const config::PolicySettings& settings,
                           const BuildContext& build) -> PolicyPointer {
    return std::make_shared<UsagePlan>(settings.as<Settings>(), limiting, build);
  };
  kind.check = [](const config::PolicyUse& use, const config::Config& config,
                  config::Diagnostics& diagnostics) {
    const Settings& settings = use.settings.as<Settings>();
    std::vector<std::string_view> known;
    for (const config::Plan& plan : config.plans) known.push_back(plan.name);
    diagnostics.refuse_unknown("plan", settings.default_plan, known, settings.default_plan_location);
  };
  return with_insight<Settings>(std::move(kind).with_reasons(kReasons),
                                [](const Settings& settings, const config::PolicyUse&) {
                                  return Insight{.needs_consumer = settings.default_plan.empty()};
                                });
}

}  // namespace portcullis::policy::usage_plan
