#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/enum_names.h"
#include "policy/policy.h"

namespace portcullis::policy {

enum class Credential { kHide, kPass };
constexpr auto names_of(Credential) {
  return std::to_array<EnumName<Credential>>({{Credential::kHide, "hide"}, {Credential::kPass, "pass"}});
}

// The credential in the fields named `header`, behind the word `scheme` unless that is empty; nothing when
// there is none. Two different credentials give an empty one, which no consumer has, because the backend
// might read the other credential.
std::optional<std::string_view> find_in_header(const http::Fields& fields, std::string_view header,
                                               std::string_view scheme);

// The configuration type of Credential: `hide` or `pass`.
config::Type<Credential> credential_type();

// The places in a request where a credential that is one text may stand. Part of the settings of a policy.
struct CredentialPlace {
  std::string header;
  std::string scheme;  // a word before the credential in the header, such as Bearer
  std::string query;
  std::string cookie;
  Credential credential = Credential::kHide;

  // The credential from the first place that has one, in the order header, query, cookie. The text is in the
  // request or in the exchange's arena.
  std::optional<std::string_view> find(const Context& context) const;
  // Removes the credential from every place, so that the backend cannot read another one than the policy has
  // read.
  void hide(Context& context) const;
  // Adds the places as places of a credential.
  void add_reads(RequestReads& reads) const;
};

// Adds the settings of CredentialPlace to the settings type of a policy, which derives from CredentialPlace.
template <typename Settings>
void add_place_fields(config::ObjectType<Settings>& type, const char* what) {
  const auto name = [](const char* kind, const char* example) {
    return config::checked_text(kind, "", example, [](const std::string& text) -> std::string {
      return text.find_first_of(" \t\r\n:;=&") == std::string::npos ? "" : "`" + text + "` is not a name";
    });
  };
  const std::string noun = what;
  type.optional("header", &CredentialPlace::header, name("a header's name", "authorization"),
                "The header field that contains the " + noun + "; empty: none.")
      .optional("scheme", &CredentialPlace::scheme, name("a scheme", "Bearer"),
                "The word before the " + noun + " in the header field, such as `Bearer`; empty: none.")
      .optional("query", &CredentialPlace::query, name("a parameter's name", "api_key"),
                "A query parameter that may contain the " + noun + ", in place of the header field.")
      .optional("cookie", &CredentialPlace::cookie, name("a cookie's name", "session"),
                "A cookie that may contain the " + noun + ", in place of the header field.")
      .optional("credential", &CredentialPlace::credential, credential_type(),
                "Whether the backend gets the " + noun + ": `hide` or `pass`.");
}

}  // namespace portcullis::policy
