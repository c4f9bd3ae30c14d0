#include "config/item_text.h"

#include <algorithm>

namespace portcullis::config {
namespace {

// Reads a text line by line.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {}

  // Goes to the next line; false at the end of the text.
  bool next() {
    begin_ = end_;
    if (begin_ == text_.size()) return false;
    const size_t found = text_.find('\n', begin_);
    end_ = found == std::string_view::npos ? text_.size() : found + 1;
    ++number_;
    return true;
  }
  // The line without its line end.
  std::string_view line() const {
    std::string_view out = text_.substr(begin_, end_ - begin_);
    while (out.ends_with('\n') || out.ends_with('\r')) out.remove_suffix(1);
    return out;
  }
  size_t begin() const { return begin_; }
  size_t number() const { return number_; }

 private:
  std::string_view text_;
  size_t begin_ = 0;
  size_t end_ = 0;
  size_t number_ = 0;
};

bool is_blank_or_comment(std::string_view line, size_t indent) {
  return indent == line.size() || line[indent] == '#';
}

bool begins_item(std::string_view line, size_t indent) {
  return line[indent] == '-' && (indent + 1 == line.size() || line[indent + 1] == ' ');
}

// Line breaks of YAML 1.1 besides LF and CRLF: CR alone, NEL, LS and PS.
bool has_other_line_breaks(std::string_view text) {
  for (size_t at = text.find('\r'); at != std::string_view::npos; at = text.find('\r', at + 1)) {
    if (at + 1 == text.size() || text[at + 1] != '\n') return true;
  }
  return text.find("\xc2\x85") != std::string_view::npos ||
         text.find("\xe2\x80\xa8") != std::string_view::npos ||
         text.find("\xe2\x80\xa9") != std::string_view::npos;
}

bool is_line_of(std::string_view line, std::string_view key) {
  if (!line.starts_with(key) || line.size() == key.size() || line[key.size()] != ':') return false;
  const std::string_view rest = line.substr(key.size() + 1);
  const size_t begin = rest.find_first_not_of(' ');
  return begin == std::string_view::npos || (begin > 0 && rest[begin] == '#');
}

}  // namespace

std::optional<ListText> find_list(std::string_view text, std::string_view key) {
  if (has_other_line_breaks(text)) return std::nullopt;
  Lines lines(text);
  do {
    if (!lines.next() || lines.line().starts_with('%')) return std::nullopt;  // a directive
  } while (!is_line_of(lines.line(), key));
  ListText out;
  out.line = lines.number();
  size_t item_begin = 0;
  const auto end_item = [&](size_t end) {
    if (!out.items.empty()) out.items.back().text = text.substr(item_begin, end - item_begin);
  };
  while (lines.next()) {
    const std::string_view line = lines.line();
    const size_t indent = std::min(line.find_first_not_of(' '), line.size());
    if (is_blank_or_comment(line, indent)) continue;
    if (line[indent] == '\t') return std::nullopt;
    if (out.items.empty()) {
      if (!begins_item(line, indent)) return std::nullopt;
      out.column = indent + 1;
    }
    if (indent > out.column - 1) continue;
    if (indent == out.column - 1 && begins_item(line, indent)) {
      end_item(lines.begin());
      item_begin = lines.begin();
      out.items.push_back({{}, lines.number()});
      continue;
    }
    // The list has ended. In a line that is indented like the list there must be one more element, or the end
    // of a list that is not indented.
    if (indent > 0) return std::nullopt;
    end_item(lines.begin());
    return out;
  }
  if (out.items.empty()) return std::nullopt;
  end_item(text.size());
  return out;
}

std::string without_items(std::string_view text, const ListText& list) {
  const char* const begin = list.items.front().text.data();
  const char* const end = list.items.back().text.data() + list.items.back().text.size();
  const std::string_view items(begin, static_cast<size_t>(end - begin));
  std::string out(text.substr(0, static_cast<size_t>(begin - text.data())));
  out.append(static_cast<size_t>(std::count(items.begin(), items.end(), '\n')), '\n');
  out += text.substr(static_cast<size_t>(end - text.data()));
  return out;
}

}  // namespace portcullis::config
