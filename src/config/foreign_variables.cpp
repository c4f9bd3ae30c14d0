#include "config/foreign_variables.h"

#include <algorithm>

namespace portcullis::config {
namespace {

bool begins_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// The "$name" at the beginning of `text`, or "". A number counts as a name only when `before` is a character
// that begins a part of a path or query; elsewhere it may be an amount of money.
std::string_view dollar_variable(std::string_view text, char before) {
  if (!text.starts_with('$') || text.size() < 2) return {};
  const bool group = is_digit(text[1]) && std::string_view("/=?&").find(before) != std::string_view::npos;
  if (!begins_name(text[1]) && !group) return {};
  size_t end = 2;
  while (end < text.size() && (begins_name(text[end]) || is_digit(text[end]))) ++end;
  return text.substr(0, end);
}

// The "%NAME%" or "%NAME(...)%" at the beginning of `text`, or "".
std::string_view percent_variable(std::string_view text) {
  constexpr size_t kMinName = 3;  // two characters may be percent-encoding: %2F
  if (!text.starts_with('%')) return {};
  size_t end = 1;
  while (end < text.size() && ((text[end] >= 'A' && text[end] <= 'Z') || text[end] == '_')) ++end;
  if (end <= kMinName || end == text.size()) return {};
  if (text[end] == '(') end = std::min(text.find(")%", end), text.size() - 1) + 1;
  return end < text.size() && text[end] == '%' ? text.substr(0, end + 1) : std::string_view();
}

}  // namespace

std::string_view foreign_variable(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const char before = i == 0 ? ' ' : text[i - 1];
    if (const std::string_view found = dollar_variable(text.substr(i), before); !found.empty()) return found;
    if (const std::string_view found = percent_variable(text.substr(i)); !found.empty()) return found;
  }
  return {};
}

}  // namespace portcullis::config
