#include "control/error_setup.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "policy/registry.h"

namespace portcullis::control {
namespace {

using telemetry::EndReason;
using variables::Moment;

std::vector<const EndReason*> all_reasons() {
  std::vector<const EndReason*> out;
  for (const policy::ReasonTable& table : policy::reason_tables())
    out.insert(out.end(), table.reasons.begin(), table.reasons.end());
  return out;
}

proxy::ErrorRule compile_rule(const config::ErrorRule& told, const std::vector<const EndReason*>& known) {
  const config::ErrorAnswer& answer = told.respond;
  proxy::ErrorRule out{.location = told.location,
                       .status = told.status,
                       .when = policy::Condition(told.when),
                       .sent_status = static_cast<uint16_t>(answer.status),
                       .content_type = answer.content_type,
                       .body = policy::BodyTemplate(answer.body, answer.content_type, Moment::kError)};
  for (const std::string& name : told.reason) {
    std::copy_if(known.begin(), known.end(), std::back_inserter(out.reasons),
                 [&name](const EndReason* one) { return one->name == name; });
  }
  for (const auto& [name, text] : answer.fields)
    out.fields.emplace_back(name, policy::Template(text, Moment::kError));
  return out;
}

}  // namespace

void check_errors(const config::Config& config, config::Diagnostics& diagnostics) {
  std::vector<std::string_view> known;
  for (const EndReason* one : all_reasons()) known.push_back(one->name);
  const auto report = [&](const config::Location& place, const std::string& problem) {
    if (!problem.empty()) diagnostics.error(place, problem);
  };
  for (const config::ErrorRule& rule : config.errors) {
    for (const std::string& name : rule.reason)
      diagnostics.refuse_unknown("reason", name, known, rule.reason_location);
    if (!rule.when.empty()) report(rule.when_location, policy::Condition::check(rule.when));
    const config::ErrorAnswer& answer = rule.respond;
    if (!answer.body.empty())
      report(answer.body_location,
             policy::BodyTemplate::check(answer.body, answer.content_type, Moment::kError));
  }
}

std::shared_ptr<const proxy::ErrorRules> compile_errors(const config::Config& config) {
  if (config.errors.empty()) return nullptr;
  const std::vector<const EndReason*> known = all_reasons();
  std::vector<proxy::ErrorRule> rules;
  rules.reserve(config.errors.size());
  for (const config::ErrorRule& told : config.errors) rules.push_back(compile_rule(told, known));
  return std::make_shared<const proxy::ErrorRules>(std::move(rules));
}

}  // namespace portcullis::control
