#include "http/trailers.h"

#include <algorithm>

#include "http/field_id.h"

namespace portcullis::http {

bool may_be_trailer(std::string_view name) {
  static constexpr std::string_view kRefused[] = {"content-encoding",
                                                  "content-range",
                                                  "content-type",
                                                  "cookie",
                                                  "cookie2",
                                                  "location",
                                                  "max-forwards",
                                                  "proxy-authenticate",
                                                  "proxy-authorization",
                                                  "www-authenticate"};
  const FieldId id = identify_field(name);
  if (id == FieldId::kEtag) return true;
  return id == FieldId::kOther &&
         std::none_of(std::begin(kRefused), std::end(kRefused),
                      [name](std::string_view refused) { return same_field_name(refused, name); });
}

std::string permitted_trailers(std::string_view lines, const TrailerRules& rules) {
  std::string out;
  while (!lines.empty()) {
    const size_t end = lines.find("\r\n") + 2;
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(end);
    const std::string_view name = line.substr(0, line.find(':'));
    const bool listed = rules.listed != nullptr && rules.listed->contains(name);
    if ((listed || rules.metadata) && may_be_trailer(name)) out += line;
  }
  return out;
}

}  // namespace portcullis::http
