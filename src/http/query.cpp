#include "http/query.h"

#include "base/text.h"

namespace portcullis::http {
namespace {

// Calls visit(name, value, whole) for each cookie of one field's value until it returns false.
template <typename Visit>
bool for_each_cookie(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const size_t end = std::min(list.find(';'), list.size());
    const std::string_view pair = trim(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
    const size_t equals = std::min(pair.find('='), pair.size());
    if (!pair.empty() && !visit(pair.substr(0, equals), pair.substr(std::min(equals + 1, pair.size())), pair))
      return false;
  }
  return true;
}

bool is_cookie_field(const Field& field) {
  return equals_ignoring_case(field.name, "cookie");
}

}  // namespace

char next_query_character(std::string_view& text) {
  const char c = text.front();
  if (c == '%' && text.size() > 2 && hex_value(text[1]) >= 0 && hex_value(text[2]) >= 0) {
    const auto decoded = static_cast<char>(hex_value(text[1]) << 4 | hex_value(text[2]));
    text.remove_prefix(3);
    return decoded;
  }
  text.remove_prefix(1);
  return c == '+' ? ' ' : c;
}

std::string decode_query_text(std::string_view encoded) {
  std::string out;
  while (!encoded.empty()) out += next_query_character(encoded);
  return out;
}

std::string percent_encode(std::string_view text, std::string_view plain) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
        plain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += {'%', kHex[static_cast<uint8_t>(c) >> 4], kHex[static_cast<uint8_t>(c) & 15]};
    }
  }
  return out;
}

std::string percent_decode(std::string_view text, char keep) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = high < 0 ? -1 : hex_value(text[i + 2]);
    const char c = low < 0 ? text[i] : static_cast<char>(high * 16 + low);
    if (low >= 0 && (keep == '\0' || c != keep)) {
      out += c;
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool equals_query_text(std::string_view encoded, std::string_view plain) {
  for (const char c : plain) {
    if (encoded.empty() || next_query_character(encoded) != c) return false;
  }
  return encoded.empty();
}

std::optional<std::string_view> find_query_parameter(std::string_view query, std::string_view name,
                                                     Arena& arena) {
  std::optional<std::string_view> found;
  for_each_query_parameter(query, [&](std::string_view its_name, std::string_view value, std::string_view) {
    if (!equals_query_text(its_name, name)) return true;
    char* text = arena.allocate(value.size(), 1);
    char* end = text;
    while (!value.empty()) *end++ = next_query_character(value);
    found = std::string_view(text, static_cast<size_t>(end - text));
    return false;
  });
  return found;
}

void remove_query_parameter(RequestHead& request, std::string_view name, Arena& arena) {
  std::string_view kept;
  bool removed = false;
  for_each_query_parameter(request.query,
                           [&](std::string_view its_name, std::string_view, std::string_view whole) {
                             if (equals_query_text(its_name, name)) {
                               removed = true;
                             } else {
                               kept = kept.empty() ? whole : arena.concat(kept, "&", whole);
                             }
                             return true;
                           });
  if (!removed) return;
  request.query = kept;
  request.has_query = !kept.empty();
}

std::optional<std::string_view> find_cookie(const Fields& fields, std::string_view name) {
  std::optional<std::string_view> found;
  for (const Field& field : fields) {
    if (!is_cookie_field(field)) continue;
    const bool absent = for_each_cookie(
        field.value, [&](std::string_view its_name, std::string_view value, std::string_view) {
          if (its_name != name) return true;
          found = value;
          return false;
        });
    if (!absent) break;
  }
  return found;
}

void remove_cookie(Fields& fields, std::string_view name, Arena& arena) {
  if (!find_cookie(fields, name)) return;
  std::string_view kept;
  for (const Field& field : fields) {
    if (!is_cookie_field(field)) continue;
    for_each_cookie(field.value, [&](std::string_view its_name, std::string_view, std::string_view whole) {
      if (its_name != name) kept = kept.empty() ? whole : arena.concat(kept, "; ", whole);
      return true;
    });
  }
  fields.remove("cookie");
  if (!kept.empty()) fields.add("cookie", kept);
}

}  // namespace portcullis::http
