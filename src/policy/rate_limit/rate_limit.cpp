#include "policy/rate_limit/rate_limit.h"

#include <charconv>

#include "base/text.h"
#include "policy/rate_limit/settings.h"
#include "policy/services.h"

namespace portcullis::policy {
namespace {

using limits::Verdict;

constexpr uint64_t kMostCost = 1'000'000'000;

uint64_t whole_seconds(std::chrono::microseconds time) {
  return static_cast<uint64_t>(std::chrono::ceil<std::chrono::seconds>(time).count());
}

class RateLimit final : public Policy {
 public:
  RateLimit(const RateLimitSettings& settings, const BuildContext& build)
      : settings_(settings), engine_(build.services.limits()) {
    const std::vector<LimitSettings> all = limits_of(settings);
    for (const LimitSettings& one : all) {
      Compiled limit;
      limit.limit = compile_limit(one);
      limit.key = LimitKey(one.key);
      limit.name = !one.name.empty() ? one.name
                   : all.size() == 1 ? "default"
                                     : "limit-" + std::to_string(limits_.size() + 1);
      limit.key_text = one.key;
      // A limit that a reload leaves as it is finds its counts again.
      const std::string counted =
          (one.name.empty() ? "of:" + std::string(build.place) : "named:" + one.name) + '\n' + one.key + '\n' +
          std::to_string(static_cast<int>(one.algorithm)) + ' ' + std::to_string(limit.limit.amount) + '/' +
          std::to_string(limit.limit.period.count()) + ' ' + std::to_string(limit.limit.burst);
      limit.scope = engine_.hash_scope(counted);
      limit.metrics = build.metrics.limit(one.name.empty() ? std::string(build.place) : one.name);
      policy_field_ += (policy_field_.empty() ? "\"" : ", \"") + limit.name +
                       "\";q=" + std::to_string(limit.limit.amount) +
                       ";w=" + std::to_string(whole_seconds(limit.limit.period));
      limits_.push_back(std::move(limit));
    }
  }

  Decision on_request(Context& context) const override {
    const std::span<Charge> charges = context.arena.make_array<Charge>(limits_.size());
    context.keep(this, charges.data());
    const Clock::time_point now = context.loop.now();
    bool dry = false;
    for (size_t i = 0; i < limits_.size(); ++i) {
      const Compiled& limit = limits_[i];
      Charge& charge = charges[i];
      charge.key = engine_.hash_key(limit.scope, limit.key.text_of(context));
      charge.verdict = engine_.charge(limit.limit, charge.key, settings_.cost, now);
      telemetry::LimitMetrics& metrics = *limit.metrics[context.worker];
      if (charge.verdict.allowed) {
        metrics.allowed.add();
        continue;
      }
      if (settings_.dry_run == DryRun::kOn) {
        metrics.would_refuse.add();
        dry = true;
        continue;
      }
      metrics.refused.add();
      for (size_t done = 0; done < i; ++done)
        engine_.refund(limits_[done].limit, charges[done].key, settings_.cost, now);
      for (size_t untried = i + 1; untried < limits_.size(); ++untried) charges[untried].counted = false;
      return refuse(context, charge.verdict);
    }
    if (dry) context.note = "rate_limit_would_refuse";
    return Decision::proceed();
  }

  void on_response(Context& context) const override {
    Charge* charges = context.kept<Charge>(this);
    if (charges == nullptr) return;
    if (!settings_.cost_field.empty()) settle(context, charges);
    if (!settings_.response_fields) return;
    std::string_view told;
    for (size_t i = 0; i < limits_.size(); ++i) {
      const Charge& charge = charges[i];
      if (!charge.counted) continue;
      told = context.arena.concat(told, told.empty() ? "\"" : ", \"", limits_[i].name, "\";r=",
                                  digits(context, charge.verdict.remaining), ";t=",
                                  digits(context, whole_seconds(charge.verdict.reset)));
    }
    context.response.fields.add("ratelimit-policy", policy_field_);
    context.response.fields.add("ratelimit", told);
  }

  Explanation explain(Context& context) const override {
    Explanation out{Decision::proceed(), {}};
    for (const Compiled& limit : limits_) {
      const std::string_view key = limit.key.text_of(context);
      out.notes.push_back("would charge " + std::to_string(settings_.cost) + " to `" + limit.name + "` (" +
                          std::to_string(limit.limit.amount) + " in " +
                          std::to_string(limit.limit.period.count()) + " ms) for " + limit.key_text +
                          (key.empty() ? "" : " `" + std::string(key) + "`"));
    }
    return out;
  }

 private:
  struct Compiled {
    limits::Limit limit;
    LimitKey key;
    std::string name;
    std::string key_text;
    uint64_t scope = 0;
    std::vector<telemetry::LimitMetrics*> metrics;
  };
  struct Charge {
    uint64_t key = 0;
    Verdict verdict{};
    bool counted = true;
  };

  static std::string_view digits(Context& context, uint64_t number) {
    char* text = context.arena.allocate(20, 1);
    const auto [end, error] = std::to_chars(text, text + 20, number);
    return {text, static_cast<size_t>(end - text)};
  }

  static Decision refuse(Context& context, const Verdict& verdict) {
    context.response.fields.add("retry-after",
                                digits(context, std::max<uint64_t>(1, whole_seconds(verdict.retry_after))));
    return Decision::refuse(429, "rate_limited");
  }

  // What the response says that the request has cost, beyond what it has been charged.
  void settle(Context& context, Charge* charges) const {
    const auto told = parse_decimal(context.response.fields.value_of(settings_.cost_field));
    if (!told || *told == settings_.cost) return;
    const uint64_t cost = std::min(*told, kMostCost);
    const Clock::time_point now = context.loop.now();
    for (size_t i = 0; i < limits_.size(); ++i) {
      Charge& charge = charges[i];
      if (!charge.counted) continue;
      if (cost > settings_.cost) {
        engine_.force(limits_[i].limit, charge.key, cost - settings_.cost, now);
      } else {
        engine_.refund(limits_[i].limit, charge.key, settings_.cost - cost, now);
      }
      charge.verdict = engine_.charge(limits_[i].limit, charge.key, 0, now);
    }
  }

  RateLimitSettings settings_;
  limits::LocalLimits& engine_;
  std::vector<Compiled> limits_;
  std::string policy_field_;
};

}  // namespace

Kind rate_limit_kind() {
  return make_kind<RateLimitSettings, RateLimit>(
      "rate_limit", rate_limit_type(),
      [](const config::PolicyUse& use, const RateLimitSettings& settings, const config::Config&,
         config::Diagnostics& diagnostics) { check_rate_limit(settings, use, diagnostics); });
}

}  // namespace portcullis::policy
