#include "proxy/error_rules.h"

#include <algorithm>

namespace portcullis::proxy {

bool ErrorRule::matches(uint16_t with_status, const telemetry::EndReason& why,
                        const policy::Context& context) const {
  if (!status.empty() && !contains(status, with_status)) return false;
  if (!reasons.empty() && std::find(reasons.begin(), reasons.end(), &why) == reasons.end()) return false;
  return when.holds(context);
}

void ErrorRule::set_fields(policy::Context& context) const {
  for (const auto& [name, text] : fields) {
    const std::string_view value = text.expand(context);
    if (value.empty()) continue;
    context.response.fields.remove_all_spellings(name);
    context.response.fields.add(name, value);
  }
}

ErrorRules::ErrorRules(std::vector<ErrorRule> rules) : rules_(std::move(rules)) {
  // Rules that leave the status as it is do not decide about it, unless a later rule is not asked for them.
  const auto sets_status = [](const ErrorRule& rule) { return rule.sent_status != 0; };
  const auto last = std::find_if(rules_.rbegin(), rules_.rend(), sets_status);
  for (auto rule = last; rule != rules_.rend(); ++rule) rule->when.add_reads(reads_);
}

const ErrorRule* ErrorRules::find(uint16_t status, const telemetry::EndReason& why,
                                  const policy::Context& context) const {
  const auto found = std::find_if(rules_.begin(), rules_.end(),
                                  [&](const ErrorRule& rule) { return rule.matches(status, why, context); });
  return found == rules_.end() ? nullptr : &*found;
}

}  // namespace portcullis::proxy
