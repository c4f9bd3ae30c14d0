#include "cli/applied_files.h"

#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <iterator>

#include "base/text.h"
#include "config/object.h"
#include "config/object_type.h"
#include "config/schema_model.h"
#include "config/source_reader.h"
#include "control/say.h"
#include "policy/registry.h"

namespace portcullis::cli {
namespace {

using config::YamlNode;
using nlohmann::json;

// The next token of a JSON pointer (RFC 6901 section 4), which is removed from it.
std::string take_token(std::string_view& pointer) {
  pointer.remove_prefix(1);
  const size_t end = std::min(pointer.find('/'), pointer.size());
  std::string out;
  for (size_t i = 0; i < end; ++i) {
    const bool escaped = pointer[i] == '~' && i + 1 < end;
    out += !escaped ? pointer[i] : pointer[++i] == '1' ? '/' : '~';
  }
  pointer.remove_prefix(end);
  return out;
}

// True when the message is about the key itself, and not about its value.
bool is_about_key(std::string_view message, const std::string& key) {
  static constexpr std::string_view kBegins[] = {"unknown key `", "unknown condition `",
                                                 "there is no policy `"};
  return std::any_of(std::begin(kBegins), std::end(kBegins), [&](std::string_view begin) {
    return message.starts_with(std::string(begin) + key + "`");
  });
}

// The place of a value below `root`. Where there is no such value, the place of the one that should have it.
config::Location place_in(const YamlNode& root, std::string_view pointer, std::string_view message) {
  const YamlNode* node = &root;
  config::Location place = root.location;
  while (pointer.starts_with('/')) {
    const std::string token = take_token(pointer);
    if (node->kind == YamlNode::Kind::kSequence) {
      const auto index = parse_decimal(token);
      if (!index || *index >= node->items.size()) break;
      node = node->items[*index].get();
      place = node->location;
      continue;
    }
    const auto member = std::find_if(node->members.begin(), node->members.end(),
                                     [&](const auto& one) { return one.first->scalar == token; });
    if (member == node->members.end()) break;
    node = member->second.get();
    place = pointer.empty() && is_about_key(message, token) ? member->first->location : node->location;
  }
  return place;
}

std::vector<std::string_view> known_keys() {
  static const auto kType = config::config_type(policy::catalog());
  std::vector<std::string_view> out;
  for (const auto& field : kType.any()->object()->fields()) out.push_back(field.name);
  return out;
}

}  // namespace

std::optional<AppliedFiles> AppliedFiles::read(const std::string& path, Failure& failure) {
  AppliedFiles out;
  config::Diagnostics diagnostics;
  if (path == "-") {
    const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
    out.root_ = config::parse_yaml(text, "standard input", diagnostics);
  } else if (::access(path.c_str(), R_OK) != 0) {
    failure = {kCouldNot, "cannot read " + path + ": " + std::strerror(errno)};
    return std::nullopt;
  } else {
    config::Sources sources;
    out.root_ = config::SourceReader(sources, diagnostics).read(path);
  }
  control::print_diagnostics(diagnostics);
  if (out.root_ == nullptr || diagnostics.has_errors()) {
    failure = {kWrong, path + " is not well formed"};
    return std::nullopt;
  }
  if (const auto whole = config::written_json(*out.root_); !whole) {
    failure = {kWrong, path + ": " + whole.error().message};
    return std::nullopt;
  }
  return out;
}

bool AppliedFiles::keep_objects() {
  config::Diagnostics diagnostics;
  const std::vector<std::string_view> known = known_keys();
  auto objects = std::make_shared<YamlNode>();
  objects->kind = YamlNode::Kind::kMapping;
  objects->location = root_->location;
  if (root_->kind != YamlNode::Kind::kMapping)
    diagnostics.error(root_->location, "expected a configuration (keys and values)");
  for (const auto& member : root_->members) {
    const YamlNode& key = *member.first;
    if (config::is_extension_key(key.scalar)) continue;
    if (config::find_object_kind(key.scalar) != nullptr) {
      if (member.second->kind != YamlNode::Kind::kNull) objects->members.push_back(member);
    } else if (key.scalar == "version") {
      if (member.second->scalar != "1") diagnostics.error(member.second->location, "`version` is 1");
    } else if (std::find(known.begin(), known.end(), key.scalar) != known.end()) {
      skipped_.emplace_back(key.scalar, key.location);
    } else {
      diagnostics.error(key.location, "unknown key `" + key.scalar + "`" + suggestion_for(key.scalar, known));
    }
  }
  if (!diagnostics.has_errors() && objects->members.empty())
    diagnostics.error(root_->location, "there are no objects here, such as `routes` and `upstreams`");
  control::print_diagnostics(diagnostics);
  root_ = std::move(objects);
  return !diagnostics.has_errors();
}

void AppliedFiles::print_skipped() const {
  for (const auto& [key, place] : skipped_)
    std::fprintf(stderr, "%s:%zu:%zu: note: `%s` is a setting of the node: it stays in the node's own file\n",
                 place.file.text().c_str(), place.line(), place.column, key.c_str());
}

json AppliedFiles::document() const {
  return *config::written_json(*root_);  // read() has tried it
}

std::vector<AppliedFiles::Change> AppliedFiles::list_changes() const {
  std::vector<Change> out;
  for (const auto& [key, value] : root_->members) {
    const config::ObjectKind& kind = *config::find_object_kind(key->scalar);
    if (kind.is_single || value->kind != YamlNode::Kind::kSequence) {
      out.push_back({kind.word(), "", value});
      continue;
    }
    for (const auto& item : value->items) out.push_back({kind.word(), config::name_of_object(*item), item});
  }
  return out;
}

json AppliedFiles::changes() const {
  json out = json::array();
  for (const Change& one : list_changes()) {
    json put{{"kind", one.kind}, {"value", *config::written_json(*one.value)}};
    if (!one.name.empty()) put["name"] = one.name;
    out.push_back({{"put", std::move(put)}});
  }
  return out;
}

config::Location AppliedFiles::place_of(std::string_view pointer, std::string_view message) const {
  if (!pointer.starts_with("/changes/")) return place_in(*root_, pointer, message);
  take_token(pointer);
  const auto index = parse_decimal(take_token(pointer));
  const std::vector<Change> listed = list_changes();
  if (!index || *index >= listed.size()) return root_->location;
  if (pointer.starts_with('/')) take_token(pointer);  // put
  if (pointer.starts_with("/value")) take_token(pointer);
  return place_in(*listed[*index].value, pointer, message);
}

Option file_option(std::string& file, const std::string& summary) {
  return {.names = "-f,--file",
          .value = "FILE",
          .summary = summary,
          .target = &file,
          .words = Words::kFile,
          .required = true};
}

}  // namespace portcullis::cli
