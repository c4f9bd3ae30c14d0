#include "http/query.h"

#include "base/arena_text.h"
#include "base/text.h"

namespace portcullis::http {
namespace {

// Calls visit(name, value, written) for each cookie of one field's value until it returns false. `written` is
// the cookie together with the surrounding spaces.
template <typename Visit>
bool for_each_cookie(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const size_t end = std::min(list.find(';'), list.size());
    const std::string_view written = list.substr(0, end);
    const std::string_view pair = trim(written);
    list.remove_prefix(std::min(end + 1, list.size()));
    const size_t equals = std::min(pair.find('='), pair.size());
    if (!pair.empty() &&
        !visit(pair.substr(0, equals), pair.substr(std::min(equals + 1, pair.size())), written))
      return false;
  }
  return true;
}

bool is_cookie_field(const Field& field) {
  return equals_ignoring_case(field.name, "cookie");
}

// The character that `text` begins with in the form %XX, if any.
std::optional<char> encoded_front(std::string_view text) {
  if (text.front() != '%' || text.size() < 3) return std::nullopt;
  const int high = hex_value(text[1]), low = hex_value(text[2]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<char>(high << 4 | low);
}

}  // namespace

char next_query_character(std::string_view& text) {
  const char c = text.front();
  const auto decoded = encoded_front(text);
  text.remove_prefix(decoded ? 3 : 1);
  if (decoded) return *decoded;
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
  while (!text.empty()) {
    auto decoded = encoded_front(text);
    if (keep != '\0' && decoded == keep) decoded.reset();
    out += decoded.value_or(text.front());
    text.remove_prefix(decoded ? 3 : 1);
  }
  return out;
}

bool equals_query_text(std::string_view encoded, std::string_view plain) {
  for (const char c : plain) {
    if (encoded.empty() || next_query_character(encoded) != c) return false;
  }
  return encoded.empty();
}

bool has_query_parameter(std::string_view query, std::string_view name) {
  bool found = false;
  for_each_query_parameter(query, [&](std::string_view key, std::string_view, std::string_view) {
    found = equals_query_text(key, name);
    return !found;
  });
  return found;
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
  ArenaText kept(arena);
  bool removed = false;
  for_each_query_parameter(request.query,
                           [&](std::string_view its_name, std::string_view, std::string_view whole) {
                             if (equals_query_text(its_name, name)) {
                               removed = true;
                             } else {
                               kept.add_after("&", whole);
                             }
                             return true;
                           });
  if (!removed) return;
  request.query = kept.view();
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

bool has_cookie(const Fields& fields, std::string_view name, std::string_view value) {
  return std::any_of(fields.begin(), fields.end(), [&](const Field& field) {
    return is_cookie_field(field) &&
           !for_each_cookie(field.value,
                            [&](std::string_view its_name, std::string_view its_value, std::string_view) {
                              return its_name != name || its_value != value;
                            });
  });
}

void remove_cookie(Fields& fields, std::string_view name, Arena& arena) {
  if (!find_cookie(fields, name)) return;
  ArenaText kept(arena);
  for (const Field& field : fields) {
    if (!is_cookie_field(field)) continue;
    bool first = true;
    for_each_cookie(field.value, [&](std::string_view its_name, std::string_view, std::string_view written) {
      if (its_name == name) return true;
      kept.add_after(first ? "; " : ";", first ? trim(written) : written);
      first = false;
      return true;
    });
  }
  fields.remove("cookie");
  if (!kept.empty()) fields.add("cookie", kept.view());
}

}  // namespace portcullis::http
