#include "config/yaml_writer.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "base/canonical_json.h"
#include "base/json_text.h"
#include "base/text.h"

namespace portcullis::config {
namespace {

using nlohmann::json;

constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
constexpr std::string_view kDigits = "0123456789";

// True for a number with a unit, such as `30s`, `5%`, `16MiB` and `100/min`, which no reader of YAML takes
// for a number.
bool is_amount(std::string_view text) {
  const size_t unit = text.find_first_not_of(kDigits);
  if (unit == 0 || unit == std::string_view::npos) return false;
  static constexpr std::string_view kUnits[] = {"ms",  "s",   "m",  "h",    "d",  "%",  "B", "KiB",
                                                "MiB", "GiB", "/s", "/min", "/h", "/d", "/m"};
  return std::find(std::begin(kUnits), std::end(kUnits), text.substr(unit)) != std::end(kUnits);
}

// True when a text means itself in YAML without quotes.
bool is_plain(std::string_view text) {
  if (is_amount(text)) return true;
  if (text.empty() || (kLetters.find(text[0]) == std::string_view::npos && text[0] != '/')) return false;
  static constexpr std::string_view kMark = "-./+=@";
  const auto is_safe = [](char c) {
    return kLetters.find(c) != std::string_view::npos || kDigits.find(c) != std::string_view::npos ||
           kMark.find(c) != std::string_view::npos;
  };
  if (!std::all_of(text.begin(), text.end(), is_safe)) return false;
  static constexpr std::string_view kWords[] = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"};
  return std::none_of(std::begin(kWords), std::end(kWords),
                      [text](std::string_view word) { return equals_ignoring_case(word, text); });
}

// The length in bytes of the character of UTF-8 at the beginning of `text`, and its code point.
std::pair<size_t, uint32_t> first_character(std::string_view text) {
  const auto byte = [text](size_t at) { return static_cast<uint8_t>(text[at]); };
  const size_t length = std::max<size_t>(utf8_sequence(text), 1);
  uint32_t point = length == 1 ? byte(0) : byte(0) & (0x7FU >> length);
  for (size_t i = 1; i < length; ++i) point = point << 6 | (byte(i) & 0x3FU);
  return {length, point};
}

// True for characters that YAML (section 5.1) or its parsers do not take as they are, or take for the end of
// a line.
bool needs_escape(uint32_t point) {
  return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x2028 || point == 0x2029 ||
         point == 0xfeff || point == 0xfffe || point == 0xffff;
}

// A text in double quotes.
std::string escaped_text(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const auto [length, point] = first_character(text);
    if (needs_escape(point)) {
      constexpr std::string_view kHex = "0123456789abcdef";
      out += "\\u";
      for (const unsigned shift : {12U, 8U, 4U, 0U}) out += kHex[point >> shift & 15];
    } else {
      if (point == '"' || point == '\\') out += '\\';
      out += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return out + "\"";
}

bool has_escapes(std::string_view text) {
  while (!text.empty()) {
    const auto [length, point] = first_character(text);
    if (needs_escape(point)) return true;
    text.remove_prefix(length);
  }
  return false;
}

std::string scalar(const json& value) {
  if (!value.is_string()) {
    auto number = canonical_json(value);
    return number ? std::move(*number) : json_text(value);
  }
  const auto& text = value.get_ref<const std::string&>();
  if (is_plain(text)) return text;
  if (has_escapes(text)) return escaped_text(text);
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("''") : std::string(1, c);
  return out + "'";
}

bool is_short(const json& value) {
  return !value.is_structured() || value.empty();
}

void write(const json& value, size_t indent, std::string& out);

// A key that is longer, with its escapes and quotes, is marked as one: parsers do not look further for the
// colon.
constexpr size_t kMaxKey = 1000;

void write_members(const json& object, size_t indent, bool continues_line, std::string& out) {
  std::vector<json::const_iterator> members;
  for (auto member = object.begin(); member != object.end(); ++member) members.push_back(member);
  std::stable_partition(members.begin(), members.end(), [](const auto& one) { return one.key() == "name"; });
  for (const auto& member : members) {
    if (!continues_line) out.append(indent, ' ');
    continues_line = false;
    const std::string key = scalar(member.key());
    if (key.size() > kMaxKey) {
      out.append("? ").append(key).append("\n").append(indent, ' ').append(":");
    } else {
      out.append(key).append(":");
    }
    if (is_short(*member)) {
      out += " " + scalar(*member) + "\n";
    } else {
      out += "\n";
      write(*member, indent + 2, out);
    }
  }
}

// An element of a list. `continues_line`: its line has begun already.
void write_item(const json& item, size_t indent, bool continues_line, std::string& out) {
  if (!continues_line) out.append(indent, ' ');
  out += "- ";
  if (is_short(item)) {
    out += scalar(item) + "\n";
  } else if (item.is_object()) {
    write_members(item, indent + 2, true, out);
  } else {
    bool is_first = true;
    for (const json& element : item) write_item(element, indent + 2, std::exchange(is_first, false), out);
  }
}

void write(const json& value, size_t indent, std::string& out) {
  if (is_short(value)) {
    out.append(indent, ' ').append(scalar(value)).append("\n");
  } else if (value.is_array()) {
    for (const json& item : value) write_item(item, indent, false, out);
  } else {
    write_members(value, indent, false, out);
  }
}

}  // namespace

std::string yaml_of_json(const json& value, size_t indent) {
  std::string out;
  write(value, indent, out);
  return out;
}

std::string yaml_item_of_json(const json& value, size_t indent) {
  std::string out;
  write_item(value, indent, false, out);
  return out;
}

}  // namespace portcullis::config
