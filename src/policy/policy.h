#pragma once

#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "config/model.h"
#include "config/policy_type.h"
#include "policy/build_context.h"
#include "policy/context.h"
#include "policy/decision.h"
#include "policy/engine.h"
#include "policy/figures.h"
#include "policy/insight.h"
#include "policy/operator_action.h"
#include "policy/owned_fields.h"
#include "policy/reasons.h"
#include "policy/request_reads.h"
#include "runtime/task.h"

namespace portcullis::policy {

// Receives the whole request body into memory, at most `limit` bytes. Proceeds when the body is held,
// otherwise refuses the request.
Task<Decision> hold_body(Context& context, size_t limit);

// Receives the whole body of the response into memory, at most `limit` bytes; Context::response_body.text()
// then returns the body, and the head tells its length. Proceeds when the body is held; otherwise
// Decision::broken(). For on_response.
Task<Decision> hold_response(Context& context, size_t limit);

// Describes the body in the head of a response whose policy has replaced the body by one of `length` bytes.
void set_length(Context& context, uint64_t length);
// Removes the length of the body from the head of a response whose policy puts a stage that may change the
// length.
void forget_length(Context& context);

// The final decision of `later`, after all further suspensions.
Task<Decision> settle(Task<Decision> later);
// Waits for the final decision of `later`; when it is to proceed, `next()` decides, otherwise `later` has
// decided.
template <typename Next>
Task<Decision> settle_then(Task<Decision> later, Next next) {
  Task<Decision> settling = settle(std::move(later));
  Decision decision = co_await settling;
  if (decision.kind != Decision::Kind::kContinue) co_return decision;
  co_return next();
}

// Remarks about a decision, for `portcullis explain`: "would charge 1 to the limit `default` (100 in 60 s) of
// consumer `shop`, and leave 99".
using Notes = std::vector<std::string>;

// One configured policy: built once when the configuration is loaded, used by every worker at once, so it is
// immutable and must not block. on_response runs, in reverse order, for the policies whose on_request ran,
// also when the gateway answers by itself. It changes the head and the body of the response, or decides that
// another response takes its place, which the policies that have not run yet see in its stead. Policies of
// the top level see also requests that no route takes, before these are refused: the name of Context::route
// is then empty.
//
// The same hooks run when a request is only explained, so that the explanation is what the gateway would do.
// A hook with a lasting effect checks Context::explains() and then only reads: for example it reads counters
// and does not charge them.
class Policy {
 public:
  virtual ~Policy() = default;
  virtual Decision on_request(Context&) const { return Decision::proceed(); }
  virtual Decision on_response(Context&) const { return Decision::proceed(); }
  // Runs after the last byte of the exchange, or when the exchange broke off, for policies whose
  // watches_end() is true and whose on_request ran.
  virtual void on_end(Context&) const {}
  virtual bool watches_end() const { return false; }
  // Adds the request fields that this policy alone sets for the backend.
  virtual void add_owned_fields(OwnedFields& /*fields*/) const {}
  // Adds the parts of the request's head that this policy reads, by variables or by itself. A part that is
  // not added is not recorded, so rehearsals of recorded requests do not see it.
  virtual void add_reads(RequestReads& /*reads*/) const {}
  // True when on_response must run for every response of the route, also for one that was made before this
  // policy's on_request: a refusal by the gateway or by a policy before this one. For such a response only
  // the two heads are set in the context.
  virtual bool marks_every_answer() const { return false; }
  // Remarks about the decision of on_request. Called only while Context::explains() is true.
  virtual Notes explain(Context& /*context*/, const Decision& /*decision*/) const { return {}; }
};

using PolicyPointer = std::shared_ptr<const Policy>;

// A check of one policy alone, for settings that are valid but probably a mistake. docs/warnings.md explains
// each check under its name.
struct Warning {
  std::string name;
  // Returns the text of the warning, or an empty text.
  std::function<std::string(const config::PolicyUse&)> find;
};

// A kind of policy: how it is configured and how it is built from checked settings.
struct Kind {
  config::PolicyType description;
  std::function<PolicyPointer(const config::PolicySettings& settings, const BuildContext& build)> create;
  // Reports errors in the settings that depend on the rest of the configuration; may be empty.
  std::function<void(const config::PolicyUse&, const config::Config&, config::Diagnostics&)> check{};
  // Returns the properties that checks over several policies need; may be empty.
  std::function<Insight(const config::PolicyUse&)> insight{};
  // The reasons for which the policy ends requests, in addition to kEnds.
  telemetry::EndReasons reasons{};
  // Declares the metrics that this kind of policy has, for the metrics page of a gateway without such a
  // policy; may be empty.
  std::function<void(telemetry::MetricSet&)> declare_metrics{};
  // Shown in the live document of the admin API; may be empty.
  std::vector<Figures> figures{};
  // What operators can do with the engines of this kind; may be empty.
  std::vector<OperatorAction> actions{};
  // Start the engines of this kind that start with the process.
  std::vector<EngineStart> engines{};
  // The warnings of `portcullis check` for this policy.
  std::vector<Warning> warnings{};

  // This kind with the policy's table of reasons.
  template <typename Table>
  Kind with_reasons(const Table& table) && {
    reasons = telemetry::reasons_in(table);
    return std::move(*this);
  }
  // This kind with metrics, which `declare` declares.
  Kind with_metrics(std::function<void(telemetry::MetricSet&)> declare) && {
    declare_metrics = std::move(declare);
    return std::move(*this);
  }
  // This kind with figures for the dashboard.
  Kind with_figures(Figures shown) && {
    figures.push_back(std::move(shown));
    return std::move(*this);
  }
  // This kind with an action of operators.
  Kind with_action(OperatorAction action) && {
    actions.push_back(std::move(action));
    return std::move(*this);
  }
  // This kind with an engine, which `start` starts when the process starts.
  Kind with_engine(EngineStart start) && {
    engines.push_back(std::move(start));
    return std::move(*this);
  }
  // This kind with these traits.
  Kind with_traits(const config::PolicyTraits& traits) && {
    description.traits = traits;
    return std::move(*this);
  }
};

// The kind of that name, or null. The pointer is valid as long as `kinds`.
const Kind* find_kind(const std::vector<Kind>& kinds, const std::string& name);

// The kind of a policy of the class `Made`, which is constructible from `const Settings&`, or from `const
// Settings&` and `const BuildContext&`.
template <typename Settings, typename Made>
Kind make_kind(std::string name, std::shared_ptr<config::ObjectType<Settings>> type) {
  return {{std::move(name), std::move(type)},
          [](const config::PolicySettings& settings, const BuildContext& build) -> PolicyPointer {
            const Settings& checked = settings.as<Settings>();
            if constexpr (std::is_constructible_v<Made, const Settings&, const BuildContext&>) {
              return std::make_shared<Made>(checked, build);
            } else {
              return std::make_shared<Made>(checked);
            }
          }};
}
// As make_kind() above, with `check(use, settings, config, diagnostics)` as Kind::check.
template <typename Settings, typename Made, typename Check>
Kind make_kind(std::string name, std::shared_ptr<config::ObjectType<Settings>> type, Check check) {
  Kind kind = make_kind<Settings, Made>(std::move(name), std::move(type));
  kind.check = [check](const config::PolicyUse& use, const config::Config& config,
                       config::Diagnostics& diagnostics) {
    check(use, use.settings.as<Settings>(), config, diagnostics);
  };
  return kind;
}

// Returns `kind` with `tell(settings, use)` as Kind::insight.
template <typename Settings, typename Tell>
Kind with_insight(Kind kind, Tell tell) {
  kind.insight = [tell](const config::PolicyUse& use) { return tell(use.settings.as<Settings>(), use); };
  return kind;
}

// Returns `kind` with a warning of that name. `find(settings)` returns its text, or an empty text.
template <typename Settings, typename Find>
Kind with_warning(Kind kind, std::string name, Find find) {
  kind.warnings.push_back(
      {std::move(name), [find](const config::PolicyUse& use) { return find(use.settings.as<Settings>()); }});
  return kind;
}

}  // namespace portcullis::policy
