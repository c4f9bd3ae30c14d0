#include "control/revisions/file_diff.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>

#include "base/read_file.h"
#include "base/text.h"
#include "base/unified_diff.h"
#include "config/item_text.h"
#include "config/yaml_writer.h"
#include "control/revisions/secrets_shown.h"

namespace portcullis::control {
namespace {

// The lines of an object in its file.
struct Lines {
  std::string text;
  size_t first = 0;   // the number of the first line
  size_t indent = 0;  // of the `- `
};

// Nothing when the file cannot be read, or the list is not in block style.
std::optional<Lines> lines_of(const config::Object& object) {
  const auto text = read_file(object.location.file.text());
  if (!text) return std::nullopt;
  const auto list = config::find_list(*text, object.kind->key);
  if (!list) return std::nullopt;
  for (const config::ItemText& item : list->items) {
    const size_t last = item.line + static_cast<size_t>(std::count(item.text.begin(), item.text.end(), '\n'));
    if (object.location.line() >= item.line && object.location.line() < last)
      return Lines{std::string(item.text), item.line, list->column - 1};
  }
  return std::nullopt;
}

// Hides each line of a secret wherever it stands in `text`. False when a line is not there, as that of a
// secret that is written with escapes.
bool hide_in_text(const std::string& secret, std::string& text) {
  std::string_view rest = secret;
  bool all_found = true;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    bool found = line.empty();
    for (size_t at = line.empty() ? std::string::npos : text.find(line); at != std::string::npos;
         at = text.find(line, at + std::string_view(kHidden).size())) {
      text.replace(at, line.size(), kHidden);
      found = true;
    }
    all_found = all_found && found;
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  }
  return all_found;
}

// The scalar at a JSON pointer as it is written in the file; null when there is none.
const config::YamlNode* scalar_at(const config::YamlNode& object, const std::string& pointer) {
  const config::YamlNode* at = &object;
  nlohmann::json::json_pointer rest(pointer);
  std::vector<std::string> tokens;
  for (; !rest.empty(); rest.pop_back()) tokens.push_back(rest.back());
  for (auto token = tokens.rbegin(); token != tokens.rend() && at != nullptr; ++token) {
    const auto index = parse_decimal(*token);
    if (at->kind == config::YamlNode::Kind::kSequence) {
      at = index && *index < at->items.size() ? at->items[*index].get() : nullptr;
    } else {
      at = at->find(*token);
    }
  }
  return at;
}

// True for a text that is one reference, and so tells nothing about its value.
bool is_reference(const std::string& text) {
  return text.starts_with("${") && text.find('}') == text.size() - 1 && text.find(":-") == std::string::npos;
}

// Hides the secrets in the lines of an object. False when this cannot be done surely.
bool hide_in_lines(const config::Object& object, Lines& lines) {
  if (object.secrets.empty()) return true;
  config::Diagnostics ignored;
  const auto list = config::parse_yaml(lines.text, "", ignored);
  if (list == nullptr || list->items.size() != 1) return false;
  std::string text = lines.text;
  for (const std::string& pointer : object.secrets) {
    const config::YamlNode* const written = scalar_at(*list->items.front(), pointer);
    if (written == nullptr) return false;
    if (!is_reference(written->scalar) && !hide_in_text(written->scalar, text)) return false;
  }
  lines.text = std::move(text);
  return true;
}

}  // namespace

std::string file_diff(const config::Object& before, const nlohmann::json& value) {
  const std::string& path = before.location.file.text();
  const std::string head = "--- " + path + "\n+++ " + path + "\n";
  const nlohmann::json written = nlohmann::json::parse(before.json, nullptr, false);
  auto lines = lines_of(before);
  if (lines && hide_in_lines(before, *lines)) {
    const std::string fresh =
        value.is_null() ? std::string() : config::yaml_item_of_json(value, lines->indent);
    return head + unified_hunks(lines->text, fresh, lines->first);
  }
  const std::string fresh = value.is_null() ? std::string() : config::yaml_of_json(value);
  return head + unified_hunks(config::yaml_of_json(hide_secrets(written, before.secrets)), fresh,
                              before.location.line());
}

}  // namespace portcullis::control
