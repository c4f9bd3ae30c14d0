#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/enum_names.h"
#include "config/settable_fields.h"
#include "policy/condition.h"
#include "policy/policy.h"

namespace portcullis::policy {

enum class ConsumerNeed { kOptional, kRequired };
constexpr auto names_of(ConsumerNeed) {
  return std::to_array<EnumName<ConsumerNeed>>(
      {{ConsumerNeed::kOptional, "optional"}, {ConsumerNeed::kRequired, "required"}});
}
// How a claim that is a list becomes the value of a header field.
enum class ClaimLists { kJoined, kJson };
constexpr auto names_of(ClaimLists) {
  return std::to_array<EnumName<ClaimLists>>({{ClaimLists::kJoined, "joined"}, {ClaimLists::kJson, "json"}});
}

// Settings shared by `jwt` and `oauth2_introspection`: how the claims of a caller are checked and forwarded.
struct ClaimsSettings {
  std::string require;
  std::string consumer_claim = "sub";
  ConsumerNeed consumer = ConsumerNeed::kOptional;
  config::TextMap forward_claims;
  ClaimLists claim_lists = ClaimLists::kJoined;
};

// Applies ClaimsSettings. Immutable; may be used on any thread.
class ClaimsRules {
 public:
  // `unknown_consumer` and `unsatisfied` are the reasons of the two refusals.
  ClaimsRules(const ClaimsSettings& settings, const EndReason& unknown_consumer,
              const EndReason& unsatisfied);

  const identity::Consumer* consumer_of(const identity::Claims& claims,
                                        const identity::Directory& consumers) const {
    return consumers.by_subject(claims.text_of(settings_.consumer_claim));
  }
  void add_owned_fields(OwnedFields& fields) const {
    for (const auto& [field, claim] : settings_.forward_claims) fields.add(field);
    require_.add_read_fields(fields);
  }
  void add_reads(RequestReads& reads) const;
  // Sets the caller from the claims and adds the forwarded fields, or refuses the request (RFC 6750 section
  // 3.1).
  Decision admit(Context& context, std::shared_ptr<const identity::Claims> claims,
                 const identity::Consumer* consumer) const;

 private:
  std::string_view value_of(const identity::Claims& claims, const std::string& name, Arena& arena) const;

  ClaimsSettings settings_;
  Condition require_;
  std::string insufficient_;
  const EndReason& unknown_consumer_;
  const EndReason& unsatisfied_;
};

// Adds the Insight of these settings to `out`, for a policy that stands at `place`.
inline void add_claims_insight(const ClaimsSettings& settings, const config::Location& place, Insight& out) {
  out.add_reads(Condition(settings.require).caller_reads(), place);
}

// Adds the settings of ClaimsSettings to the settings type of a policy, which derives from ClaimsSettings.
template <typename Settings>
void add_claims_fields(config::ObjectType<Settings>& type) {
  type.optional("require", &ClaimsSettings::require, Condition::type(),
                "A condition that the token must meet as well, such as `{scope: orders:read}` or `scope = "
                "orders:read and claim.tenant in [acme, globex]` (see `acl`); otherwise 403.")
      .default_in_words("nothing")
      .optional("consumer_claim", &ClaimsSettings::consumer_claim, config::text("client_id"),
                "The claim that names the consumer: its value is compared with `jwt_subject` of the "
                "consumers. A claim that is a list names none.")
      .optional("consumer", &ClaimsSettings::consumer, config::choice<ConsumerNeed>(),
                "Whether a token must belong to a consumer: `required` refuses tokens without a consumer, "
                "`optional` accepts them.")
      .optional("forward_claims", &ClaimsSettings::forward_claims,
                config::text_map(config::check_request_field, "{x-user: sub}",
                                 [](const std::string&) { return std::string(); }),
                "Header fields for the backend, each with the claim that is its value: `{x-user: sub}`. "
                "Fields of these names that a client sends are removed. A claim that is null makes no field.")
      .optional("claim_lists", &ClaimsSettings::claim_lists, config::choice<ClaimLists>(),
                "How `forward_claims` writes a claim that is a list: `joined` by commas, such as "
                "`user,admin`, with %2C for a comma within an element; or as `json`, such as "
                "`[\"user\",\"admin\"]`. A claim that is an object makes a field only with `json`.");
}

}  // namespace portcullis::policy
