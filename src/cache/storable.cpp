#include "cache/storable.h"

#include <algorithm>

#include "base/text.h"
#include "cache/freshness.h"
#include "cache/vary.h"
#include "http/hop_by_hop.h"

namespace portcullis::cache {
namespace {

using http::FieldId;

bool is_understood(uint16_t status) {
  // Storing 206 would require combining parts; 304 is not a response of its own.
  return status >= 200 && status < 600 && status != 206 && status != 304 &&
         !http::reason_phrase(status).empty();
}

bool is_listed(std::string_view list, std::string_view name) {
  bool found = false;
  for_each_list_element(list, [&](std::string_view one) { found |= equals_ignoring_case(one, name); });
  return found;
}

// True for a field that belongs to the connection on which the response arrived.
bool is_of_the_hop(const http::Field& field) {
  switch (field.id) {
    case FieldId::kAge:
    case FieldId::kContentLength:
    case FieldId::kXRequestId: return true;
    default: break;
  }
  return equals_ignoring_case(field.name, "proxy-authenticate") ||
         equals_ignoring_case(field.name, "proxy-authentication-info");
}

// True for a field that describes the body, so it does not change unless the body changes.
bool is_of_the_body(const http::Field& field) {
  static constexpr std::string_view kNames[] = {"content-encoding", "content-length", "content-range",
                                                "content-type"};
  return std::any_of(std::begin(kNames), std::end(kNames),
                     [&](std::string_view one) { return equals_ignoring_case(one, field.name); });
}

}  // namespace

bool may_store(const http::ResponseHead& response, const http::CacheControl& told, const Asked& asked,
               bool has_lifetime) {
  if (response.status == 206 || response.status == 304 || response.status < 200) return false;
  if (told.must_understand ? !is_understood(response.status) : told.no_store) return false;
  if (told.is_private && told.private_fields.empty()) return false;
  if (read_vary(response.fields).any) return false;
  const bool for_all = told.is_public || told.s_maxage || told.must_revalidate;
  if (asked.is_authenticated && !asked.keyed_by_caller && !for_all) return false;
  // RFC 9111 section 7.3 relies on servers to mark responses with cookies as uncacheable; few servers do.
  if (response.fields.find(FieldId::kSetCookie) != nullptr && !told.is_public &&
      !is_listed(told.private_fields, "set-cookie"))
    return false;
  return has_lifetime || told.is_public || told.max_age || told.s_maxage ||
         response.fields.find(FieldId::kExpires) != nullptr || is_heuristically_cacheable(response.status);
}

void write_stored_fields(const http::ResponseHead& response, const http::CacheControl& told,
                         std::string_view date, http::Fields& out) {
  bool dated = false;
  for (const http::Field& field : response.fields) {
    if (http::is_hop_by_hop(field.id) || is_of_the_hop(field) || is_listed(told.private_fields, field.name))
      continue;
    dated |= field.id == FieldId::kDate;
    out.add(field.name, field.value, field.id);
  }
  if (!dated) out.add("date", date, FieldId::kDate);  // RFC 9110 section 6.6.1
}

void freshen(http::Fields& stored, const http::Fields& validation) {
  const auto renews = [&](const http::Field& field) {
    return !http::is_hop_by_hop(field.id) && !is_of_the_hop(field) && !is_of_the_body(field);
  };
  for (const http::Field& field : validation) {
    if (renews(field)) stored.remove(field.name);
  }
  for (const http::Field& field : validation) {
    if (renews(field)) stored.add(field.name, field.value, field.id);
  }
}

}  // namespace portcullis::cache
