#include "http/conditions.h"

#include "base/text.h"
#include "http/date.h"

namespace portcullis::http {
namespace {

bool is_weak(std::string_view tag) {
  return tag.starts_with("W/");
}
std::string_view opaque(std::string_view tag) {
  return is_weak(tag) ? tag.substr(2) : tag;
}

// Calls visit(tag) for each entity tag of a list; commas within quotes are part of the tag.
template <typename Visit>
void for_each_tag(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const char c = list.front();
    if (c == ' ' || c == '\t' || c == ',') {
      list.remove_prefix(1);
      continue;
    }
    const size_t quote = is_weak(list) ? 2 : 0;
    size_t end = std::string_view::npos;
    if (list.size() > quote && list[quote] == '"') {
      end = list.find('"', quote + 1);
      if (end != std::string_view::npos) ++end;
    } else {
      end = list.find(',');  // an entity tag without quotes, which some servers send
    }
    visit(trim(list.substr(0, end)));
    if (end == std::string_view::npos) return;
    list.remove_prefix(end);
  }
}

}  // namespace

Validators validators_of(const Fields& response) {
  Validators out;
  if (const Field* etag = response.find(FieldId::kEtag)) out.etag = etag->value;
  if (const Field* modified = response.find(FieldId::kLastModified)) out.last_modified = modified->value;
  return out;
}

bool same_weakly(std::string_view one, std::string_view other) {
  return !one.empty() && opaque(one) == opaque(other);
}

bool same_strongly(std::string_view one, std::string_view other) {
  return !one.empty() && !is_weak(one) && one == other;
}

bool has_it_already(const Fields& request, const Validators& validators) {
  bool asked_by_tag = false;
  bool has = false;
  for (const Field& field : request) {
    if (field.id != FieldId::kIfNoneMatch) continue;
    asked_by_tag = true;
    for_each_tag(field.value,
                 [&](std::string_view tag) { has |= tag == "*" || same_weakly(tag, validators.etag); });
  }
  if (asked_by_tag) return has;
  const Field* since = request.find(FieldId::kIfModifiedSince);
  if (since == nullptr || validators.last_modified.empty()) return false;
  if (since->value == validators.last_modified) return true;
  const auto asked = parse_date(since->value);
  const auto modified = parse_date(validators.last_modified);
  return asked && modified && *modified <= *asked;
}

bool range_applies(const Fields& request, const Validators& validators) {
  const Field* condition = request.find(FieldId::kIfRange);
  if (condition == nullptr) return true;
  const std::string_view value = trim(condition->value);
  if (value.starts_with('"') || is_weak(value)) return same_strongly(value, validators.etag);
  // A date that is not a strong validator (section 8.8.2.2) is rare, so dates are compared as text, as other
  // implementations do.
  return !validators.last_modified.empty() && value == validators.last_modified;
}

}  // namespace portcullis::http
