#include "config/yaml_faults.h"

#include <algorithm>

namespace portcullis::config {
namespace {

constexpr std::string_view kBlanks = " \t\r";

bool mentions(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// The position `at` as a part of a sentence.
std::string in_words(const Location& at) {
  return "line " + std::to_string(at.line_read) + ", column " + std::to_string(at.column);
}

// The character at `at`; "" at the end of a line.
std::string character_at(std::string_view text, const Location& at) {
  const std::string_view line = line_of(text, at.line_read);
  return std::string(line.substr(byte_of(line, at.column), 1));
}

// The column of the first non-blank character of `line`.
size_t first_column(std::string_view line) {
  return std::min(line.find_first_not_of(kBlanks), line.size()) + 1;
}

// True when only blanks and comments follow `at`.
bool is_at_end(std::string_view text, const Location& at) {
  const std::string_view line = line_of(text, at.line_read);
  if (line.empty()) return true;
  std::string_view rest = text.substr(static_cast<size_t>(line.data() - text.data()));
  for (size_t from = byte_of(line, at.column);; from = 0) {
    const size_t end = rest.find('\n');
    if (without_comment(rest.substr(0, end)).find_first_not_of(kBlanks, from) != std::string_view::npos)
      return false;
    if (end == std::string_view::npos) return true;
    rest.remove_prefix(end + 1);
  }
}

// A hint about a comment that may hide the closing bracket or brace that is missing at `at`.
std::string hint_about_comments(std::string_view text, const Location& at) {
  for (const size_t number : {at.line_read - 1, at.line_read}) {
    if (number == 0) continue;
    const std::string_view line = line_of(text, number);
    if (without_comment(line).size() < line.size())
      return "; ` #` begins a comment (line " + std::to_string(number) + ")";
    if (line.find(" //") != std::string_view::npos || line.starts_with("//"))
      return "; a comment begins with `#` in YAML (line " + std::to_string(number) + ")";
  }
  return "";
}

Trap unclosed(std::string_view text, const YamlFault& fault) {
  const std::string opening = character_at(text, fault.begun);
  const std::string hint = hint_about_comments(text, fault.at);
  if (is_at_end(text, fault.at)) return {fault.begun, "the `" + opening + "` here is not closed" + hint};
  return {fault.at, "expected `,` or `" + std::string(opening == "[" ? "]" : "}") + "` here: the `" +
                        opening + "` of " + in_words(fault.begun) + " is not closed" + hint};
}

// Explains a line whose indentation fits none of the open mappings and lists.
Trap misplaced(std::string_view text, const YamlFault& fault) {
  if (first_column(line_of(text, fault.at.line_read)) != fault.at.column)
    return {fault.at,
            "the value before this has ended: a text that begins with a quote and goes on behind its end "
            "must stand in quotes as a whole"};
  const bool list = mentions(fault.problem, "'-'");
  return {fault.at, "this line begins in column " + std::to_string(fault.at.column) + ", and " +
                        (list ? "the `-` of the list" : "the keys of the mapping") + " that begins in line " +
                        std::to_string(fault.begun.line_read) + (list ? " stands" : " stand") +
                        " in column " + std::to_string(fault.begun.column) +
                        ": lines of the same rank are indented alike"};
}

// The position after the leading `- ` of list elements in `line`.
size_t behind_dashes(std::string_view line) {
  size_t at = std::min(line.find_first_not_of(kBlanks), line.size());
  while (line.substr(at, 2) == "- ") at = std::min(line.find_first_not_of(kBlanks, at + 1), line.size());
  return at;
}

// Explains a colon in a position where no key can end.
Trap misplaced_colon(std::string_view text, const YamlFault& fault) {
  const std::string_view line = line_of(text, fault.at.line_read);
  const size_t colon = byte_of(line, fault.at.column);
  if (const size_t first = line.find(": ", behind_dashes(line)); first < colon)
    return {{fault.at.file, fault.at.line_read, column_of(line, first + 2)},
            "a text with `: ` in it must stand in quotes"};
  constexpr size_t kMaxBlankLines = 100;  // max lines between the two lines that are compared
  size_t number = fault.at.line_read - 1;
  std::string_view before;
  for (; number > 0 && fault.at.line_read - number <= kMaxBlankLines; --number) {
    before = without_comment(line_of(text, number));
    if (before.find_first_not_of(kBlanks) != std::string_view::npos) break;
    before = {};
  }
  if (before.empty()) return {fault.at, fault.problem};
  const size_t begin = behind_dashes(before);
  const size_t its_colon = before.find(':', begin);
  if (its_colon == std::string_view::npos)
    return {{fault.at.file, number, column_of(before, begin)},
            "a key ends with a colon and a space, which are missing here"};
  const Location key{fault.at.file, number, column_of(before, begin)};
  if (its_colon + 1 < before.size() && kBlanks.find(before[its_colon + 1]) == std::string_view::npos &&
      before.find(": ", begin) == std::string_view::npos)
    return {{fault.at.file, number, column_of(before, its_colon)},
            "a colon that ends a key is followed by a space"};
  return {{fault.at.file, fault.at.line_read, first_column(line)},
          "this line is indented further than the key before it, which has a value already (" +
              in_words(key) + "): indent it like that key"};
}

Trap must_be_quoted(std::string_view text, const Location& at) {
  return {at, "a text that begins with `" + character_at(text, at) + "` must stand in quotes in YAML"};
}

}  // namespace

Trap explain_yaml_fault(std::string_view text, const YamlFault& fault) {
  for (const char* what : {"an alias", "an anchor", "a tag", "a block scalar"}) {
    if (mentions(fault.context, what)) return must_be_quoted(text, fault.begun);
  }
  if (mentions(fault.problem, "unknown escape character"))
    return {
        fault.at,
        "in double quotes a backslash begins an escape, and YAML does not know this one: write the text in "
        "single quotes, or `\\\\` for a backslash"};
  if (mentions(fault.context, "a quoted scalar"))
    return {fault.begun, "the quotes that begin here are not closed"};
  if (mentions(fault.context, "a flow sequence") || mentions(fault.context, "a flow mapping"))
    return unclosed(text, fault);
  if (mentions(fault.context, "a block collection") || mentions(fault.context, "a block mapping"))
    return misplaced(text, fault);
  if (mentions(fault.problem, "mapping values are not allowed")) return misplaced_colon(text, fault);
  if (mentions(fault.context, "a simple key"))
    return {fault.begun,
            "this is neither a key, which ends with a colon and a space, nor an element of a list, which "
            "begins with `- `"};
  if (mentions(fault.problem, "block sequence entries are not allowed"))
    return {fault.at, "a list must begin on a line of its own, or stand in brackets as [a, b]"};
  return {fault.at, fault.context.empty() ? fault.problem : fault.problem + " (" + fault.context + ")"};
}

}  // namespace portcullis::config
