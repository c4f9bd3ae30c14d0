#include "policy/claims_rules.h"

#include "http/characters.h"

namespace portcullis::policy {

ClaimsRules::ClaimsRules(const ClaimsSettings& settings, const EndReason& unknown_consumer,
                         const EndReason& unsatisfied)
    : settings_(settings),
      require_(settings.require),
      unknown_consumer_(unknown_consumer),
      unsatisfied_(unsatisfied) {
  const std::string scopes = require_.scopes();
  insufficient_ =
      R"(Bearer error="insufficient_scope")" + (scopes.empty() ? "" : ", scope=\"" + scopes + '"');
}

// The field value for a claim; empty when the claim cannot become a field. A value with characters that no
// field may have is refused, because an issuer may let its users choose the value, and it must not add header
// lines.
std::string_view ClaimsRules::value_of(const identity::Claims& claims, const std::string& name,
                                       Arena& arena) const {
  const std::string_view text = settings_.claim_lists == ClaimLists::kJson && claims.is_compound(name)
                                    ? arena.copy(claims.json_of(name))
                                    : claims.joined_text_of(name, arena);
  return http::is_field_text(text) ? text : std::string_view();
}

void ClaimsRules::add_reads(RequestReads& reads) const {
  require_.add_reads(reads);
  reads.add_claim(settings_.consumer_claim);
  for (const auto& [field, claim] : settings_.forward_claims)
    reads.add_claim(claim, RequestReads::Use::kCopied);
}

Decision ClaimsRules::admit(Context& context, std::shared_ptr<const identity::Claims> claims,
                            const identity::Consumer* consumer) const {
  if (consumer == nullptr && settings_.consumer == ConsumerNeed::kRequired) {
    context.response.fields.add("www-authenticate", R"(Bearer error="invalid_token")");
    return Decision::refuse(unknown_consumer_, "unauthorized");
  }
  const identity::Caller before = context.caller;
  context.caller = {consumer, {}, std::move(claims), true};
  if (!require_.holds(context)) {
    context.caller = before;
    context.response.fields.add("www-authenticate", insufficient_);
    return Decision::refuse(unsatisfied_, "forbidden");
  }
  for (const auto& [field, claim] : settings_.forward_claims) {
    context.request.fields.remove(field);
    const std::string_view value = value_of(*context.caller.claims, claim, context.arena);
    if (!value.empty()) context.request.fields.add(field, value);
  }
  return Decision::proceed();
}

}  // namespace portcullis::policy
