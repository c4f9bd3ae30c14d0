#include "policy/acl/acl.h"

#include "policy/acl/reasons.h"
#include "policy/condition.h"

namespace portcullis::policy::acl {
namespace {

enum class Effect { kDeny, kAllow };
constexpr auto names_of(Effect) {
  return std::to_array<EnumName<Effect>>({{Effect::kDeny, "deny"}, {Effect::kAllow, "allow"}});
}

struct Rule {
  config::Location location;
  std::string allow;
  std::string deny;
};

struct Settings {
  std::vector<Rule> rules;
  Effect default_effect = Effect::kDeny;
};

class Acl final : public Policy {
 public:
  explicit Acl(const Settings& settings) : otherwise_(settings.default_effect) {
    for (const Rule& rule : settings.rules) {
      const bool allows = !rule.allow.empty();
      rules_.push_back({allows ? Effect::kAllow : Effect::kDeny, Condition(allows ? rule.allow : rule.deny)});
    }
  }

  Decision on_request(Context& context) const override { return decide(first_that_holds(context)); }

  void add_reads(RequestReads& reads) const override {
    for (const Compiled& rule : rules_) rule.condition.add_reads(reads);
  }
  void add_owned_fields(OwnedFields& fields) const override {
    for (const Compiled& rule : rules_) rule.condition.add_read_fields(fields);
  }

  Notes explain(Context& context, const Decision&) const override {
    const Compiled* rule = first_that_holds(context);
    const std::string by = rule == nullptr ? "no rule holds, and the default is to "
                                           : "rule " + std::to_string(rule - rules_.data() + 1) + " holds: ";
    return {by + std::string(name_of(effect_of(rule)))};
  }

 private:
  struct Compiled {
    Effect effect;
    Condition condition;
  };
  // `rule` is the first rule that matches the request, or null when no rule does.
  Effect effect_of(const Compiled* rule) const { return rule == nullptr ? otherwise_ : rule->effect; }
  Decision decide(const Compiled* rule) const {
    return effect_of(rule) == Effect::kAllow ? Decision::proceed()
                                             : Decision::refuse(kReasons.acl_denied, "forbidden");
  }
  const Compiled* first_that_holds(const Context& context) const {
    for (const Compiled& rule : rules_) {
      if (rule.condition.holds(context)) return &rule;
    }
    return nullptr;
  }

  std::vector<Compiled> rules_;
  Effect otherwise_;
};

void check(const config::PolicyUse&, const Settings& settings, const config::Config&,
           config::Diagnostics& diagnostics) {
  for (const Rule& rule : settings.rules) {
    if (rule.allow.empty() == rule.deny.empty())
      diagnostics.error(rule.location, "a rule needs exactly one of `allow` and `deny`");
  }
}

}  // namespace

Kind kind() {
  auto rule = std::make_shared<config::ObjectType<Rule>>(
      "rule", "A rule: it allows or denies requests for which its condition holds.");
  rule->locate(&Rule::location)
      .optional("allow", &Rule::allow, Condition::type(),
                "The rule allows a request for which this condition holds.")
      .optional("deny", &Rule::deny, Condition::type(),
                "The rule denies a request for which this condition holds.");
  auto type = std::make_shared<config::ObjectType<Settings>>(
      "acl",
      "Allows or denies requests by rules. The first rule whose condition holds decides; a denied request "
      "gets 403. Conditions are of the form `consumer.groups in [admins, support] and request.method = GET`, "
      "with [variables](#variables), `and`, `or`, `not` and parentheses, by `=`, `!=`, `in`, `not in`, "
      "`under` and `exists`; or a mapping whose entries must all hold.");
  type->required("rules", &Settings::rules, config::list_of<Rule>(rule),
                 "The rules, in the order in which they are tried.")
      .optional("default", &Settings::default_effect, config::choice<Effect>(),
                "The decision when no rule holds.");
  return with_insight<Settings>(make_kind<Settings, Acl>("acl", type, check).with_reasons(kReasons),
                                [](const Settings& settings, const config::PolicyUse&) {
                                  Insight out{.decides_access = true};
                                  for (const Rule& one : settings.rules) {
                                    const Condition condition(one.allow.empty() ? one.deny : one.allow);
                                    out.add_reads(condition.caller_reads(), one.location);
                                  }
                                  return out;
                                });
}

}  // namespace portcullis::policy::acl
