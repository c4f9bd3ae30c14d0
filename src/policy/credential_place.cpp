#include "policy/credential_place.h"

#include "base/text.h"
#include "http/query.h"

namespace portcullis::policy {

config::Type<Credential> credential_type() {
  return config::choice<Credential>();
}

std::optional<std::string_view> find_in_header(const http::Fields& fields, std::string_view header,
                                               std::string_view scheme) {
  std::optional<std::string_view> found;
  for (const http::Field& field : fields) {
    if (!equals_ignoring_case(field.name, header)) continue;
    const auto credential =
        scheme.empty() ? std::optional(field.value) : http::after_scheme(field.value, scheme);
    if (!credential) continue;
    if (found && *found != *credential) return std::string_view();
    found = credential;
  }
  return found;
}

std::optional<std::string_view> CredentialPlace::find(const Context& context) const {
  if (!header.empty()) {
    if (const auto found = find_in_header(context.request.fields, header, scheme)) return found;
  }
  if (!query.empty()) {
    if (const auto found = http::find_query_parameter(context.request.query, query, context.arena))
      return found;
  }
  return cookie.empty() ? std::nullopt : http::find_cookie(context.request.fields, cookie);
}

void CredentialPlace::hide(Context& context) const {
  http::RequestHead& request = context.request;
  if (!header.empty()) request.fields.remove_all_spellings(header);
  if (!query.empty()) http::remove_query_parameter(request, query, context.arena);
  if (!cookie.empty()) http::remove_cookie(request.fields, cookie, context.arena);
}

void CredentialPlace::add_reads(RequestReads& reads) const {
  using Part = RequestReads::Part;
  const auto use = RequestReads::Use::kCredential;
  if (!header.empty()) reads.add({.part = Part::kHeader, .name = header, .use = use, .scheme = scheme});
  if (!query.empty()) reads.add({.part = Part::kQuery, .name = query, .use = use});
  if (!cookie.empty()) reads.add({.part = Part::kCookie, .name = cookie, .use = use});
}

}  // namespace portcullis::policy
