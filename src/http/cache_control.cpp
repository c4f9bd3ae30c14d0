#include "http/cache_control.h"

#include <algorithm>
#include <string>

#include "base/text.h"
#include "http/quoted.h"
#include "http/structured_fields.h"

namespace portcullis::http {
namespace {

using std::chrono::seconds;

// What a directive says; `value` is empty where it has none.
void note(CacheControl& out, std::string_view name, std::string_view value, seconds age) {
  const auto is = [name](std::string_view other) { return equals_ignoring_case(name, other); };
  const auto keep_first = [age](std::optional<seconds>& place) {
    if (!place) place = age;
  };
  if (is("max-age")) keep_first(out.max_age);
  if (is("s-maxage")) keep_first(out.s_maxage);
  if (is("stale-while-revalidate")) keep_first(out.stale_while_revalidate);
  if (is("stale-if-error")) keep_first(out.stale_if_error);
  if (is("min-fresh")) keep_first(out.min_fresh);
  if (is("max-stale") && !out.max_stale) out.max_stale = value.empty() ? CacheControl::kForever : age;
  if (is("no-store")) out.no_store = true;
  if (is("no-cache")) out.no_cache = true;
  if (is("public")) out.is_public = true;
  if (is("must-revalidate")) out.must_revalidate = true;
  if (is("proxy-revalidate")) out.proxy_revalidate = true;
  if (is("must-understand")) out.must_understand = true;
  if (is("immutable")) out.immutable = true;
  if (is("only-if-cached")) out.only_if_cached = true;
  if (is("private")) {
    // A `private` without field names applies to the whole response, even if another `private` names fields.
    const bool whole = value.empty() || (out.is_private && out.private_fields.empty());
    out.is_private = true;
    out.private_fields = whole ? std::string_view() : value;
  }
}

}  // namespace

std::optional<seconds> parse_delta_seconds(std::string_view text) {
  if (text.empty() || !std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return std::nullopt;
  const auto number = parse_decimal(text);
  const auto max = static_cast<uint64_t>(CacheControl::kForever.count());
  return seconds(static_cast<int64_t>(std::min(number.value_or(max), max)));
}

CacheControl read_cache_control(const Fields& fields) {
  CacheControl out;
  for (const Field& field : fields) {
    if (field.id != FieldId::kCacheControl) continue;
    for (std::string_view rest = field.value; !rest.empty();) {
      const size_t end = element_end(rest, ",");
      const std::string_view directive = trim(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
      const size_t equals = directive.find('=');
      const std::string_view name = trim(directive.substr(0, equals));
      const std::string_view value =
          equals == std::string_view::npos ? "" : without_quotes(trim(directive.substr(equals + 1)));
      note(out, name, value, parse_delta_seconds(value).value_or(seconds(0)));
    }
  }
  return out;
}

std::optional<CacheControl> read_targeted_cache_control(const Fields& fields,
                                                        const std::vector<std::string>& targets) {
  for (const std::string& target : targets) {
    std::string text;
    for (const Field& field : fields) {
      if (!equals_ignoring_case(field.name, target)) continue;
      if (!text.empty()) text += ", ";
      text += field.value;
    }
    if (text.empty()) continue;
    const auto members = parse_dictionary(text);
    if (!members || members->empty()) continue;
    CacheControl out;
    for (const Member& member : *members) {
      const Item* item = std::get_if<Item>(&member.value);
      if (item == nullptr) continue;
      const bool* flag = std::get_if<bool>(&item->value);
      const int64_t* number = std::get_if<int64_t>(&item->value);
      if (flag != nullptr && *flag) note(out, member.key, "", seconds(0));
      if (number != nullptr)
        note(out, member.key, "n", seconds(std::clamp<int64_t>(*number, 0, CacheControl::kForever.count())));
    }
    // `private` names no fields here that this could take out: it is all of it.
    out.private_fields = {};
    return out;
  }
  return std::nullopt;
}

}  // namespace portcullis::http
