#include "cache/vary.h"

#include <algorithm>
#include <span>

#include "base/arena_text.h"
#include "base/text.h"

namespace portcullis::cache {
namespace {

// True for `a ;q=0.5`, false for `a;q=0`.
bool is_accepted(std::string_view parameters) {
  const size_t q = parameters.find("q=");
  if (q == std::string_view::npos) return true;
  const std::string_view weight = parameters.substr(q + 2);
  return weight.find_first_of("123456789") != std::string_view::npos;
}

// Adds the accepted codings of a list, sorted: their weights only express preferences.
void add_codings(ArenaText& out, std::string_view list, Arena& arena) {
  size_t count = 0;
  for_each_list_element(list, [&](std::string_view) { ++count; });
  const std::span<std::string_view> room = arena.make_array<std::string_view>(count);
  auto end = room.begin();
  for_each_list_element(list, [&](std::string_view element) {
    const size_t name_end = std::min(element.find(';'), element.size());
    std::string_view coding = to_lower(trim(element.substr(0, name_end)), arena);
    if (coding == "x-gzip") coding = "gzip";
    const bool accepted = is_accepted(to_lower(element.substr(name_end), arena));
    // Accepting `identity` explicitly is the same as not mentioning it.
    if (coding == "identity" && accepted) return;
    *end++ = accepted ? coding : arena.concat("!", coding);
  });
  std::sort(room.begin(), end);
  end = std::unique(room.begin(), end);
  // Without `*`, refusing a coding is the same as not mentioning it, except for `identity`.
  if (std::find(room.begin(), end, "*") == end)
    end = std::remove_if(room.begin(), end,
                         [](std::string_view one) { return one.starts_with('!') && one != "!identity"; });
  std::for_each(room.begin(), end, [&](std::string_view one) { out.add(one).add(","); });
}

// True for a field that the gateway writes itself, so the target received a different value than the client
// sent.
bool is_written_by_gateway(std::string_view name) {
  using http::FieldId;
  switch (http::identify_field(name)) {
    case FieldId::kClientCert:
    case FieldId::kForwarded:
    case FieldId::kVia:
    case FieldId::kXConsumer:
    case FieldId::kXForwardedFor:
    case FieldId::kXForwardedHost:
    case FieldId::kXRequestId: return true;
    default: return false;  // X-Forwarded-Proto: the scheme is part of the key
  }
}

}  // namespace

Vary read_vary(const http::Fields& response) {
  Vary out;
  for (const http::Field& field : response) {
    if (field.id != http::FieldId::kVary) continue;
    for_each_list_element(field.value, [&](std::string_view name) {
      if (name == "*" || is_written_by_gateway(name)) {
        out.any = true;
      } else {
        out.names.push_back(to_lower(name));
      }
    });
  }
  std::sort(out.names.begin(), out.names.end());
  out.names.erase(std::unique(out.names.begin(), out.names.end()), out.names.end());
  return out;
}

std::string_view selecting_values(const http::Fields& request, const std::vector<std::string>& names,
                                  Arena& arena) {
  if (names.empty()) return {};
  Arena scratch;  // what is only needed here is given back at once: a long field needs many times its size
  ArenaText out(scratch);
  for (const std::string& name : names) {
    const bool codings = name == "accept-encoding";
    const bool negotiates =
        codings || name == "accept" || name == "accept-language" || name == "accept-charset";
    ArenaText value(scratch);
    bool present = false;
    for (const http::Field& field : request) {
      if (!equals_ignoring_case(field.name, name)) continue;
      present = true;
      for_each_list_element(field.value, [&](std::string_view element) { value.add_after(",", element); });
    }
    if (!present) {
      out.add("-");
    } else if (codings) {
      add_codings(out, value.view(), scratch);
    } else {
      out.add("=").add(negotiates ? to_lower(value.view(), scratch) : value.view());
    }
    out.add("\n");
  }
  return arena.copy(out.view());
}

}  // namespace portcullis::cache
