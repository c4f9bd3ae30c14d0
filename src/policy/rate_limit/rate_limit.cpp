#include "policy/rate_limit/rate_limit.h"

#include <algorithm>

#include "base/arena_text.h"
#include "base/text.h"
#include "policy/counters.h"
#include "policy/limit_decisions.h"
#include "policy/rate_limit/cluster.h"
#include "policy/rate_limit/reasons.h"
#include "policy/rate_limit/settings.h"
#include "policy/services.h"

namespace portcullis::policy::rate_limit {
namespace {

using limits::ClusterCharge;
using limits::Verdict;

constexpr uint64_t kMaxCost = 1'000'000'000;

uint64_t whole_seconds(std::chrono::microseconds time) {
  return static_cast<uint64_t>(std::chrono::ceil<std::chrono::seconds>(time).count());
}

// The period as a text such as "60 s" or "250 ms".
std::string in_words(std::chrono::milliseconds period) {
  const bool whole = period.count() % 1000 == 0;
  return whole ? std::to_string(period.count() / 1000) + " s" : std::to_string(period.count()) + " ms";
}

class RateLimit final : public Policy {
 public:
  RateLimit(const RateLimitSettings& settings, const BuildContext& build)
      : settings_(settings),
        cluster_(build.services.get<Cluster>()),
        engine_(build.services.get<Counters>().limits()) {
    const std::vector<LimitSettings> all = limits_of(settings);
    for (const LimitSettings& one : all) {
      Compiled limit{.decisions = {build.metrics, one.name.empty() ? std::string(build.place) : one.name}};
      limit.limit = compile_limit(one);
      limit.key = LimitKey(one.key);
      limit.name = !one.name.empty() ? one.name
                   : all.size() == 1 ? "default"
                                     : "limit-" + std::to_string(limits_.size() + 1);
      // The counter's name has all properties of the limit, so that the same limit after a reload or on
      // another node finds its counts again.
      limit.counted = count_scope(one.name, build) + '\n' + one.key + '\n' +
                      std::to_string(static_cast<int>(one.algorithm)) + ' ' +
                      std::to_string(limit.limit.amount) + '/' + std::to_string(limit.limit.period.count()) +
                      ' ' + std::to_string(limit.limit.burst);
      limit.scope = engine_.scope_of_limit(limit.counted);
      limit.batch =
          settings.batch != 0 ? settings.batch : std::clamp<uint64_t>(limit.limit.amount / 100, 1, 10'000);
      policy_field_ += (policy_field_.empty() ? "\"" : ", \"") + limit.name +
                       "\";q=" + std::to_string(limit.limit.amount) +
                       ";w=" + std::to_string(whole_seconds(limit.limit.period));
      limits_.push_back(std::move(limit));
    }
    if (limits_.size() > 1) group_ = limits::cluster_group(limits_.front().counted);
  }

  Decision on_request(Context& context) const override {
    const std::span<Charge> charges = context.arena.make_array<Charge>(limits_.size());
    context.keep(this, charges.data());
    for (size_t i = 0; i < limits_.size(); ++i) {
      charges[i].text = limits_[i].key.text_of(context);
      charges[i].key = {limits_[i].key.space_of(context),
                        engine_.hash_key(limits_[i].scope, charges[i].text)};
    }
    if (context.replay != nullptr) return simulate(context, charges);
    // An offline process has no server to ask. As in a gateway that has just started, nothing has been
    // counted.
    const bool alone = context.purpose == Purpose::kExplainOffline;
    switch (alone ? ClusterMode::kOff : settings_.cluster) {
      case ClusterMode::kOff: break;
      case ClusterMode::kExact: return Decision::suspend(charge_exactly(context, charges));
      case ClusterMode::kBatched:
        return context.explains() ? Decision::suspend(look_at_leases(context, charges))
                                  : charge_leases(context, charges, 0);
    }
    return charge_locally(context, charges);
  }

  Decision on_response(Context& context) const override {
    Charge* charges = context.kept<Charge>(this);
    if (charges == nullptr) return Decision::proceed();
    if (!settings_.cost_field.empty() && !context.explains())
      settle(context, std::span(charges, limits_.size()));
    if (!settings_.response_fields) return Decision::proceed();
    ArenaText told(context.arena);
    for (size_t i = 0; i < limits_.size(); ++i) {
      const Charge& charge = charges[i];
      if (!charge.judged) continue;
      told.add(told.empty() ? "\"" : ", \"").add(limits_[i].name);
      told.add("\";r=").add(context.arena.decimal(charge.verdict.remaining));
      told.add(";t=").add(context.arena.decimal(whole_seconds(charge.verdict.reset)));
    }
    context.response.fields.add("ratelimit-policy", policy_field_);
    if (!told.empty()) context.response.fields.add("ratelimit", told.view());
    return Decision::proceed();
  }

  void add_reads(RequestReads& reads) const override {
    for (const Compiled& limit : limits_) limit.key.add_reads(reads, RequestReads::Use::kCopied);
  }
  void add_owned_fields(OwnedFields& fields) const override {
    for (const Compiled& limit : limits_) limit.key.add_read_fields(fields);
  }

  Notes explain(Context& context, const Decision&) const override {
    Notes out;
    const Charge* charges = context.kept<Charge>(this);
    for (size_t i = 0; i < limits_.size(); ++i) {
      const Compiled& limit = limits_[i];
      std::string note = "would charge " + std::to_string(settings_.cost) + " to the limit `" + limit.name +
                         "` (" + std::to_string(limit.limit.amount) + " in " + in_words(limit.limit.period) +
                         ") of " + limit.key.describe(context);
      if (charges[i].judged) {
        const bool is_over = !charges[i].verdict.allowed;
        note += is_over
                    ? ", which exceeds it" + std::string(settings_.dry_run == DryRun::kOn ? " (dry run)" : "")
                    : ", and leave " + std::to_string(charges[i].verdict.remaining);
      }
      out.push_back(std::move(note));
    }
    return out;
  }

 private:
  struct Compiled {
    limits::Limit limit{};
    LimitKey key{};
    std::string name{};
    std::string counted{};  // the name of the counter, the same on all nodes
    uint64_t scope = 0;
    uint64_t batch = 1;
    LimitDecisions decisions;
  };
  // The state of one limit for this exchange.
  struct Charge {
    std::string_view text{};
    limits::CounterKey key{};
    Verdict verdict{};
    bool judged = false;  // the limit has given a verdict
    bool taken = false;   // the cost has been charged
  };
  using Charges = std::span<Charge>;

  ClusterCharge cluster_charge(size_t i, const Charge& charge) const {
    return {limits_[i].limit, limits::cluster_key(limits_[i].counted, charge.text, group_)};
  }
  limits::ClusterLimits& cluster(const Context& context) const {
    return cluster_.of(context.worker, context.loop);
  }

  // Stores a verdict; false when the request is to be refused because of the verdict.
  bool accept(Context& context, size_t i, Charge& charge, const Verdict& verdict) const {
    charge.verdict = verdict;
    charge.judged = true;
    charge.taken = verdict.allowed && !context.explains();
    const bool dry = !verdict.allowed && settings_.dry_run == DryRun::kOn;
    if (dry) context.remarks.note = "rate_limit_would_refuse";
    if (!context.explains()) {
      const LimitDecisions& decisions = limits_[i].decisions;
      (verdict.allowed ? decisions.allowed
       : dry           ? decisions.would_refuse
                       : decisions.refused)
          .add(context.worker);
    }
    return verdict.allowed || dry;
  }

  static Decision refuse(Context& context, const Verdict& verdict) {
    context.response.fields.add(
        "retry-after", context.arena.decimal(std::max<uint64_t>(1, whole_seconds(verdict.retry_after))));
    return Decision::refuse(kReasons.rate_limited);
  }

  Decision charge_locally(Context& context, Charges charges) const {
    const Clock::time_point now = context.loop.now();
    for (size_t i = 0; i < limits_.size(); ++i) {
      if (charges[i].taken) continue;
      const limits::Limit& limit = limits_[i].limit;
      const Verdict verdict = context.explains() ? engine_.look(limit, charges[i].key, settings_.cost, now)
                                                 : engine_.charge(limit, charges[i].key, settings_.cost, now);
      if (accept(context, i, charges[i], verdict)) continue;
      for (size_t done = 0; done < i; ++done) {
        if (charges[done].taken) engine_.refund(limits_[done].limit, charges[done].key, settings_.cost, now);
        charges[done].taken = false;
      }
      return refuse(context, charges[i].verdict);
    }
    return Decision::proceed();
  }

  // Charges the counters of a process that serves no client, at the time of the recorded request, and lets
  // the request pass in any case.
  Decision simulate(Context& context, Charges charges) const {
    const Clock::time_point at = context.replay->at;
    for (size_t i = 0; i < limits_.size(); ++i) {
      const limits::Limit& limit = limits_[i].limit;
      charges[i].taken = engine_.charge(limit, charges[i].key, settings_.cost, at).allowed;
      if (charges[i].taken || settings_.dry_run == DryRun::kOn) continue;
      for (size_t done = 0; done < i; ++done) {
        if (charges[done].taken) engine_.refund(limits_[done].limit, charges[done].key, settings_.cost, at);
      }
      context.replay->refusals.push_back({"rate_limit", limits_[i].name});
      break;
    }
    return Decision::proceed();
  }

  // Asks the server about all limits in one round trip.
  Task<Decision> charge_exactly(Context& context, Charges charges) const {
    std::vector<ClusterCharge> asked;
    for (size_t i = 0; i < limits_.size(); ++i) asked.push_back(cluster_charge(i, charges[i]));
    limits::ClusterLimits& shared = cluster(context);
    Task<std::optional<std::vector<Verdict>>> asking = context.explains()
                                                           ? shared.look(std::move(asked), settings_.cost)
                                                           : shared.charge(std::move(asked), settings_.cost);
    const auto verdicts = co_await asking;
    if (!verdicts) co_return without_server(context, charges);
    const Verdict* worst = nullptr;
    for (size_t i = 0; i < limits_.size(); ++i) {
      if (accept(context, i, charges[i], (*verdicts)[i])) continue;
      if (worst == nullptr || (*verdicts)[i].retry_after > worst->retry_after) worst = &(*verdicts)[i];
    }
    if (worst == nullptr) co_return Decision::proceed();
    for (Charge& charge : charges) charge.taken = false;  // the server has charged either all limits or none
    co_return refuse(context, *worst);
  }

  // Explains the decision that charge_leases() would make, by the leases of this worker, or for a limit
  // without a lease by what the server could lease.
  Task<Decision> look_at_leases(Context& context, Charges charges) const {
    limits::ClusterLimits& shared = cluster(context);
    for (size_t i = 0; i < limits_.size(); ++i) {
      std::optional<Verdict> verdict = shared.peek(charges[i].key.hash, settings_.cost, context.loop.now());
      if (!verdict) {
        std::vector<ClusterCharge> asked{cluster_charge(i, charges[i])};
        Task<std::optional<std::vector<Verdict>>> asking = shared.look(std::move(asked), settings_.cost);
        const auto verdicts = co_await asking;
        if (!verdicts) co_return without_server(context, charges);
        verdict = verdicts->front();
      }
      if (!accept(context, i, charges[i], *verdict)) co_return refuse(context, *verdict);
    }
    co_return Decision::proceed();
  }

  // Charges the limits from index `first` on to the leases of this worker.
  Decision charge_leases(Context& context, Charges charges, size_t first) const {
    limits::ClusterLimits& shared = cluster(context);
    for (size_t i = first; i < limits_.size(); ++i) {
      bool running_low = false;
      const auto verdict = shared.take(charges[i].key.hash, settings_.cost, context.loop.now(), running_low);
      if (!verdict) return Decision::suspend(lease(context, charges, i));
      if (running_low) shared.refill(cluster_charge(i, charges[i]), charges[i].key.hash, limits_[i].batch);
      if (!accept(context, i, charges[i], *verdict)) return give_back(context, charges, i);
    }
    return Decision::proceed();
  }

  Task<Decision> lease(Context& context, Charges charges, size_t i) const {
    ClusterCharge asked = cluster_charge(i, charges[i]);
    const auto verdict = co_await cluster(context).lease(std::move(asked), charges[i].key.hash,
                                                         settings_.cost, limits_[i].batch);
    if (!verdict) co_return without_server(context, charges);
    if (!accept(context, i, charges[i], *verdict)) co_return give_back(context, charges, i);
    co_return charge_leases(context, charges, i + 1);
  }

  Decision give_back(Context& context, Charges charges, size_t refused) const {
    for (size_t done = 0; done < refused; ++done) {
      if (charges[done].taken) cluster(context).give_back(charges[done].key.hash, settings_.cost);
      charges[done].taken = false;
    }
    return refuse(context, charges[refused].verdict);
  }

  Decision without_server(Context& context, Charges charges) const {
    for (size_t i = 0; i < limits_.size(); ++i) {
      if (!charges[i].judged && !context.explains()) limits_[i].decisions.unavailable.add(context.worker);
    }
    switch (settings_.on_error) {
      case LimitOnError::kLocal: break;
      case LimitOnError::kAllow: context.remarks.note = "rate_limit_unavailable"; return Decision::proceed();
      case LimitOnError::kDeny: return Decision::refuse(kReasons.rate_limit_unavailable, "unavailable");
    }
    context.remarks.note = "rate_limit_local";
    return charge_locally(context, charges);
  }

  // Charges or refunds the difference between the cost that the response states and the cost that was
  // charged.
  void settle(Context& context, Charges charges) const {
    const auto told = parse_decimal(context.response.fields.value_of(settings_.cost_field));
    if (!told || *told == settings_.cost) return;
    const uint64_t cost = std::min(*told, kMaxCost);
    const Clock::time_point now = context.loop.now();
    for (size_t i = 0; i < limits_.size(); ++i) {
      Charge& charge = charges[i];
      if (!charge.judged) continue;
      if (settings_.cluster != ClusterMode::kOff) {
        if (cost > settings_.cost) cluster(context).force(cluster_charge(i, charge), cost - settings_.cost);
        charge.verdict.remaining -= std::min(charge.verdict.remaining, cost - std::min(cost, settings_.cost));
        continue;
      }
      if (cost > settings_.cost) {
        engine_.force(limits_[i].limit, charge.key, cost - settings_.cost, now);
      } else {
        engine_.refund(limits_[i].limit, charge.key, settings_.cost - cost, now);
      }
      charge.verdict = engine_.charge(limits_[i].limit, charge.key, 0, now);
    }
  }

  RateLimitSettings settings_;
  Cluster& cluster_;
  limits::LocalLimits& engine_;
  std::vector<Compiled> limits_;
  std::string group_;  // of the counters on Redis; empty for one limit
  std::string policy_field_;
};

}  // namespace

Kind kind() {
  return with_insight<RateLimitSettings>(
      make_kind<RateLimitSettings, RateLimit>(
          "rate_limit", rate_limit_type(),
          [](const config::PolicyUse& use, const RateLimitSettings& settings, const config::Config& config,
             config::Diagnostics& diagnostics) { check_rate_limit(settings, use, config, diagnostics); })
          .with_reasons(kReasons)
          .with_metrics(LimitDecisions::declare)
          .with_figures(LimitDecisions::figures())
          .with_engine(Counters::start)
          .with_engine(Cluster::start)
          .with_traits({.limits_consumers = true}),
      [](const RateLimitSettings& settings, const config::PolicyUse& use) {
        Insight out;
        for (const LimitSettings& one : limits_of(settings))
          out.add_reads(LimitKey(one.key).caller_reads(), use.location);
        return out;
      });
}

}  // namespace portcullis::policy::rate_limit
