#include "policy/body_template.h"

#include <nlohmann/json.hpp>

#include <algorithm>

#include "base/arena_text.h"
#include "base/text.h"
#include "policy/variable_value.h"

namespace portcullis::policy {
namespace {

using variables::Moment;
using variables::Piece;

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// What stands for the character in a string of JSON; empty when it stands for itself. Values have no control
// characters other than tabs.
std::string_view json_form(char c) {
  switch (c) {
    case '"': return "\\\"";
    case '\\': return "\\\\";
    case '\t': return "\\t";
    default: return {};
  }
}

std::string_view markup_form(char c) {
  switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return {};
  }
}

// Adds `value` to `out`, escaped, and returns the size of what it has added. Invalid UTF-8 becomes U+FFFD.
size_t add_escaped(std::string_view value, std::string_view (*form)(char), ArenaText& out) {
  size_t added = 0, begin = 0, at = 0;
  const auto add = [&](std::string_view piece) {
    out.add(piece);
    added += piece.size();
  };
  while (at < value.size()) {
    const size_t length = utf8_sequence(value.substr(at));
    const std::string_view instead = length == 0 ? kReplacement : form(value[at]);
    if (instead.empty()) {
      at += length;
      continue;
    }
    add(slice(value, begin, at - begin));
    add(instead);
    begin = ++at;
  }
  add(slice(value, begin, at - begin));
  return added;
}

size_t add_value(std::string_view value, Escaping escaping, ArenaText& out) {
  if (escaping == Escaping::kJson) return add_escaped(value, json_form, out);
  if (escaping == Escaping::kMarkup) return add_escaped(value, markup_form, out);
  out.add(value);
  return value.size();
}

// True when the body is JSON with values in the place of its variables.
bool makes_json(const std::vector<Piece>& pieces) {
  std::string sample;
  for (const Piece& piece : pieces) {
    sample += piece.literal;
    if (!piece.variable) continue;
    sample += piece.variable->variable == variables::Variable::kErrorStatus ? "500" : "x";
  }
  return nlohmann::json::accept(sample);
}

}  // namespace

Escaping escaping_for(std::string_view media_type) {
  const std::string type = to_lower(trim(media_type.substr(0, media_type.find(';'))));
  const auto is_of = [&type](std::string_view name) {
    return type.ends_with("+" + std::string(name)) || type.ends_with("/" + std::string(name));
  };
  if (type == "text/plain") return Escaping::kNone;
  if (is_of("json")) return Escaping::kJson;
  return is_of("html") || is_of("xml") ? Escaping::kMarkup : Escaping::kUnknown;
}

BodyTemplate::BodyTemplate(std::string_view text, std::string_view media_type, Moment moment)
    : escaping_(escaping_for(media_type)) {
  auto pieces = variables::parse_text(text, variables::Use::kText, moment);
  if (pieces) pieces_ = std::move(*pieces);
}

std::string BodyTemplate::check(std::string_view text, std::string_view media_type, Moment moment) {
  const auto pieces = variables::parse_text(text, variables::Use::kText, moment);
  if (!pieces) return pieces.error().message;
  const auto has_variable = [](const Piece& piece) { return piece.variable.has_value(); };
  switch (escaping_for(media_type)) {
    case Escaping::kJson:
      return pieces->empty() || makes_json(*pieces) ? ""
                                                    : "the body is not JSON; variables other than "
                                                      "`{error.status}` stand within quotes, and `{{` "
                                                      "is a brace";
    case Escaping::kUnknown:
      return std::none_of(pieces->begin(), pieces->end(), has_variable)
                 ? ""
                 : "the body has variables, and it is not known how their values are escaped in `" +
                       std::string(media_type) + "`: use JSON, HTML, XML or text/plain";
    default: return "";
  }
}

std::string_view BodyTemplate::expand(const Context& context) const {
  if (pieces_.empty()) return {};
  ArenaText out(context.arena);
  size_t room = kMaxValues;
  for (const Piece& piece : pieces_) {
    out.add(piece.literal);
    if (!piece.variable || room == 0) continue;
    const std::string_view value = value_of(*piece.variable, context);
    room = value.size() > room ? 0 : room - std::min(room, add_value(value, escaping_, out));
  }
  return out.view();
}

}  // namespace portcullis::policy
