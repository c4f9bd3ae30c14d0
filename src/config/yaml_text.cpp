#include "config/yaml_text.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>

#include "base/text.h"

namespace portcullis::config {
namespace {

struct OddCharacter {
  std::string_view bytes;
  const char* name;
};

// Characters that look like a space, or are hardly visible, and are not spaces in YAML.
constexpr OddCharacter kSpaces[] = {
    {"\xC2\xA0", "a no-break space (U+00A0)"},         {"\xE2\x80\x82", "an en space (U+2002)"},
    {"\xE2\x80\x83", "an em space (U+2003)"},          {"\xE2\x80\x87", "a figure space (U+2007)"},
    {"\xE2\x80\x89", "a thin space (U+2009)"},         {"\xE2\x80\xAF", "a narrow no-break space (U+202F)"},
    {"\xE3\x80\x80", "an ideographic space (U+3000)"},
};

// Characters that look like quotes and are not quotes in YAML.
constexpr OddCharacter kQuotes[] = {
    {"\xC2\xAB", "U+00AB"},     {"\xC2\xBB", "U+00BB"},     {"\xE2\x80\x98", "U+2018"},
    {"\xE2\x80\x99", "U+2019"}, {"\xE2\x80\x9A", "U+201A"}, {"\xE2\x80\x9C", "U+201C"},
    {"\xE2\x80\x9D", "U+201D"}, {"\xE2\x80\x9E", "U+201E"}, {"\xE2\x80\xB9", "U+2039"},
    {"\xE2\x80\xBA", "U+203A"},
};

// Invisible characters.
constexpr OddCharacter kUnseen[] = {
    {"\xC2\xAD", "a soft hyphen (U+00AD)"},
    {"\xE2\x80\x8B", "a zero-width space (U+200B)"},
    {"\xE2\x80\x8C", "a zero-width non-joiner (U+200C)"},
    {"\xE2\x80\x8D", "a zero-width joiner (U+200D)"},
    {"\xE2\x81\xA0", "a word joiner (U+2060)"},
};

// Characters that look like the `-` that begins an element of a list.
constexpr OddCharacter kDashes[] = {
    {"\xE2\x80\x90", "a hyphen (U+2010)"},     {"\xE2\x80\x91", "a no-break hyphen (U+2011)"},
    {"\xE2\x80\x93", "an en dash (U+2013)"},   {"\xE2\x80\x94", "an em dash (U+2014)"},
    {"\xE2\x88\x92", "a minus sign (U+2212)"},
};

constexpr std::string_view kFullwidthColon = "\xEF\xBC\x9A";

constexpr const char* kWriteSpace = ": write an ordinary space";
constexpr const char* kRemove = ", which cannot be seen: remove it";
constexpr const char* kWriteQuotes = "): write \" or '";

// The first entry of `odd` with which `text` begins; null when there is none.
template <size_t N>
const OddCharacter* at_beginning(std::string_view text, const OddCharacter (&odd)[N]) {
  for (const OddCharacter& one : odd) {
    if (text.starts_with(one.bytes)) return &one;
  }
  return nullptr;
}

// The first character of `line`, counted from 0, for which `judge(rest of the line)` returns a message.
template <typename Judge>
std::optional<Trap> first_in(std::string_view line, const Location& line_start, Judge judge) {
  size_t column = 0;
  for (size_t i = 0; i < line.size(); ++column) {
    if (std::string message = judge(line.substr(i)); !message.empty())
      return Trap{{line_start.file, line_start.line_read, column + 1}, std::move(message)};
    i += std::max<size_t>(1, utf8_sequence(line.substr(i)));
  }
  return std::nullopt;
}

// A message about an odd character at the beginning of `rest`; or "".
std::string oddity_of(std::string_view rest) {
  if (const OddCharacter* space = at_beginning(rest, kSpaces))
    return std::string("this is ") + space->name + kWriteSpace;
  if (const OddCharacter* unseen = at_beginning(rest, kUnseen))
    return std::string("this is ") + unseen->name + kRemove;
  if (const OddCharacter* quote = at_beginning(rest, kQuotes))
    return std::string("a typographic quote is not a quote in YAML (") + quote->name + kWriteQuotes;
  if (rest.starts_with(kFullwidthColon)) return "this is a fullwidth colon (U+FF1A): write `:`";
  return "";
}

// True for characters that YAML 1.1 does not permit (section 5.1).
bool is_forbidden(uint32_t code) {
  if (code < 0x20) return code != '\t' && code != '\n' && code != '\r';
  return (code >= 0x7F && code <= 0x9F && code != 0x85) || code == 0xFEFF || code == 0xFFFE || code == 0xFFFF;
}

uint32_t code_of(std::string_view sequence) {
  const auto lead = static_cast<uint8_t>(sequence[0]);
  if (sequence.size() == 1) return lead;
  uint32_t code = lead & (0x7Fu >> sequence.size());
  for (const char c : sequence.substr(1)) code = code << 6 | (static_cast<uint8_t>(c) & 0x3Fu);
  return code;
}

std::string hexadecimal(const char* form, uint32_t number) {
  char out[64];
  std::snprintf(out, sizeof out, form, number);
  return out;
}

}  // namespace

std::string_view line_of(std::string_view text, size_t number) {
  for (; number > 1; --number) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

std::string_view without_comment(std::string_view line) {
  for (size_t hash = line.find('#'); hash != std::string_view::npos; hash = line.find('#', hash + 1)) {
    if (hash == 0 || line[hash - 1] == ' ' || line[hash - 1] == '\t') return line.substr(0, hash);
  }
  return line;
}

size_t byte_of(std::string_view line, size_t column) {
  size_t i = 0;
  for (; column > 1 && i < line.size(); --column) i += std::max<size_t>(1, utf8_sequence(line.substr(i)));
  return i;
}

size_t column_of(std::string_view line, size_t byte) {
  size_t column = 1;
  for (size_t i = 0; i < byte && i < line.size(); ++column)
    i += std::max<size_t>(1, utf8_sequence(line.substr(i)));
  return column;
}

bool check_characters(std::string_view text, const std::string& file, Diagnostics& diagnostics) {
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF"))
    return true;  // UTF-16, which libyaml can read
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  Location at{file, 1, 1};
  for (size_t i = 0; i < text.size();) {
    if (text[i] >= 0x20 && text[i] < 0x7F) {
      ++i;
      ++at.column;
      continue;
    }
    const size_t length = utf8_sequence(text.substr(i));
    if (length == 0) {
      diagnostics.error(at, hexadecimal("the byte 0x%02X here is not UTF-8", static_cast<uint8_t>(text[i])) +
                                ": save the file as UTF-8");
      return false;
    }
    const uint32_t code = code_of(text.substr(i, length));
    if (is_forbidden(code)) {
      diagnostics.error(at, code == 0 ? "there is a NUL byte here: a configuration is text"
                                      : "the control character " + hexadecimal("U+%04X", code) +
                                            " is not allowed in YAML; in double quotes it is written " +
                                            hexadecimal("\\u%04X", code));
      return false;
    }
    if (code == '\n') {
      ++at.line_read;
      at.column = 1;
    } else {
      ++at.column;
    }
    i += length;
  }
  return true;
}

std::optional<Trap> find_trap(std::string_view text, const Location& at) {
  const std::string_view line = line_of(text, at.line_read);
  const size_t byte = byte_of(line, at.column);
  if (byte > 0 && line.substr(byte, 1) == "{" && line[byte - 1] == '$')
    return Trap{{at.file, at.line_read, at.column - 1},
                "`${...}` within { } or [ ] must stand in quotes, as in \"${NAME}\": without them YAML takes "
                "its brace for the beginning of a mapping"};
  for (const size_t tab : {line.find_first_not_of(' '), byte}) {
    if (tab < line.size() && line[tab] == '\t')
      return Trap{{at.file, at.line_read, tab + 1}, "a tab cannot indent in YAML: write spaces"};
  }
  if (byte < line.size() && (line[byte] == '@' || line[byte] == '`' || line[byte] == '%'))
    return Trap{at, std::string("a text that begins with `") + line[byte] + "` must stand in quotes in YAML"};
  for (const size_t number : {at.line_read, at.line_read - 1}) {
    const std::string_view near = without_comment(line_of(text, number));
    const size_t begin = std::min(near.find_first_not_of(' '), near.size());
    if (const OddCharacter* dash = at_beginning(near.substr(begin), kDashes))
      return Trap{{at.file, number, begin + 1}, std::string("this is ") + dash->name + ": write `-`"};
    if (auto trap = first_in(near, {at.file, number, 1}, oddity_of)) return trap;
    if (number == 1) break;
  }
  return std::nullopt;
}

std::string hint_about(std::string_view text) {
  // Nearly every text: the loader asks about each text of a file.
  if (std::all_of(text.begin(), text.end(), [](char c) { return static_cast<uint8_t>(c) < 0x80; })) return "";
  for (size_t i = 0; i < text.size(); ++i) {
    if (static_cast<uint8_t>(text[i]) < 0x80) continue;
    if (const OddCharacter* space = at_beginning(text.substr(i), kSpaces))
      return std::string("; the text contains ") + space->name + kWriteSpace;
    if (const OddCharacter* unseen = at_beginning(text.substr(i), kUnseen))
      return std::string("; the text contains ") + unseen->name + kRemove;
  }
  for (const OddCharacter& quote : kQuotes) {
    if (text.starts_with(quote.bytes) || text.ends_with(quote.bytes))
      return std::string("; a typographic quote is not a quote in YAML (") + quote.name + kWriteQuotes;
  }
  return "";
}

std::string hint_about_letters(std::string_view name) {
  if (!hint_about(name).empty()) return "";
  for (size_t i = 0; i < name.size(); ++i) {
    if (static_cast<uint8_t>(name[i]) < 0x80) continue;
    const std::string_view letter = name.substr(i, std::max<size_t>(1, utf8_sequence(name.substr(i))));
    return "; the `" + std::string(letter) + "` in it is " + hexadecimal("U+%04X", code_of(letter)) +
           ", and names have ASCII letters only";
  }
  return "";
}

}  // namespace portcullis::config
