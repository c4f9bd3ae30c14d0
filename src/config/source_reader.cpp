#include "config/source_reader.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/hash.h"
#include "base/read_file.h"
#include "config/kept_items.h"

namespace portcullis::config {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxFolders = 16;

// The position of the brace that closes a reference whose `${` precedes `text`. The reference's default may
// contain other references.
size_t closing_brace(std::string_view text) {
  size_t depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 2) == "${") ++depth;
    if (text[i] == '}' && depth-- == 0) return i;
  }
  return std::string_view::npos;
}

// The error message for `${name}` when there is no such environment variable.
std::string why_missing(const std::string& name) {
  const std::string shown = "`${" + name + "}`";
  const size_t end =
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
  if (end == std::string::npos && !name.empty()) return "the environment variable " + name + " is not set";
  if (end != std::string::npos && end > 0 && name.find_first_of("?+-", end) <= end + 1)
    return shown + ": there is no such environment variable; a default is written `${NAME:-TEXT}`";
  return shown + " names no environment variable: write `${NAME}`, `${NAME:-TEXT}` or `${file:PATH}`";
}

// Adds the members of `from` to `into`.
void join_documents(YamlNode& into, const YamlNode& from, Diagnostics& diagnostics) {
  if (from.kind == YamlNode::Kind::kNull) return;
  if (from.kind != YamlNode::Kind::kMapping) {
    diagnostics.error(from.location, "expected configuration (keys and values)");
    return;
  }
  for (const auto& member : from.members) {
    const YamlNode* key = member.first.get();
    const YamlNode* value = member.second.get();
    if (is_extension_key(key->scalar)) continue;
    const auto given = std::find_if(into.members.begin(), into.members.end(),
                                    [&](const auto& known) { return known.first->scalar == key->scalar; });
    if (given == into.members.end()) {
      into.members.push_back(member);
      continue;
    }
    YamlNode& before = *given->second;
    if (before.kind == YamlNode::Kind::kSequence && value->kind == YamlNode::Kind::kSequence) {
      // A new node, because aliases may share the original.
      auto joined = std::make_shared<YamlNode>(before);
      joined->items.insert(joined->items.end(), value->items.begin(), value->items.end());
      given->second = std::move(joined);
    } else if (before.kind != YamlNode::Kind::kScalar || before.scalar != value->scalar) {
      diagnostics.error(key->location, "`" + key->scalar + "` is given already (" +
                                           given->first->location.seen_from(key->location) +
                                           "); only lists can be spread over files");
    }
  }
}

}  // namespace

void SourceReader::note(std::string_view text) {
  sources_.fingerprint = hash_bytes(text, sources_.fingerprint + 1);
}

std::optional<std::string> SourceReader::content_of(const std::string& path, const Location& named_at) {
  sources_.files.push_back(path);
  auto content = portcullis::read_file(path);
  if (!content) {
    diagnostics_.error(named_at, "cannot read " + path + ": " + content.error().message);
    return std::nullopt;
  }
  note(*content);
  return std::move(*content);
}

std::shared_ptr<YamlNode> SourceReader::read(const std::string& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored) ? read_folder(path) : read_file(path);
}

std::shared_ptr<YamlNode> SourceReader::read_file(const std::string& path) {
  const auto content = content_of(path, {path, 0, 0});
  return content ? parse_yaml_keeping(*content, path, kept_, diagnostics_) : nullptr;
}

// Lists the files of a folder; false after an error. The depth is limited, because symbolic links may form a
// cycle.
bool SourceReader::list_files(const std::string& folder, size_t depth, std::vector<std::string>& files) {
  sources_.files.push_back(folder);
  if (depth > kMaxFolders) {
    diagnostics_.error({folder, 0, 0}, "folders are nested too deeply here");
    return false;
  }
  std::vector<fs::path> entries;
  std::error_code problem;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, problem)) {
    // Skips hidden files, which editors leave behind.
    if (!entry.path().filename().string().starts_with('.')) entries.push_back(entry.path());
  }
  if (problem) {
    diagnostics_.error({folder, 0, 0}, "cannot read this folder: " + problem.message());
    return false;
  }
  std::sort(entries.begin(), entries.end());
  for (const fs::path& entry : entries) {
    const std::string extension = entry.extension();
    if (fs::is_directory(entry, problem)) {
      if (!list_files(entry.string(), depth + 1, files)) return false;
    } else if ((extension == ".yaml" || extension == ".yml" || extension == ".json") &&
               fs::is_regular_file(entry, problem)) {
      files.push_back(entry.string());
    }
  }
  return true;
}

std::shared_ptr<YamlNode> SourceReader::read_folder(const std::string& path) {
  std::vector<std::string> files;
  if (!list_files(path, 0, files)) return nullptr;
  if (files.empty()) {
    diagnostics_.error({path, 0, 0}, "no *.yaml, *.yml or *.json in this folder");
    return nullptr;
  }
  auto root = std::make_shared<YamlNode>();
  root->kind = YamlNode::Kind::kMapping;
  root->location = {path, 0, 0};
  bool whole = true;
  for (const std::string& file : files) {
    const auto part = read_file(file);
    if (part) join_documents(*root, *part, diagnostics_);
    whole = whole && part != nullptr;
  }
  return whole ? root : nullptr;
}

void SourceReader::expand(YamlNode& node) {
  std::erase_if(node.members, [](const auto& member) { return is_extension_key(member.first->scalar); });
  expand_below(node);
}

void SourceReader::expand_child(const std::shared_ptr<YamlNode>& child) {
  // Only a shared node can be visited twice.
  if (child.use_count() > 1 && !expanded_.insert(child.get()).second) return;
  const size_t before = references_;
  expand_below(*child);
  // The next reading may find other values.
  if (references_ != before) child->item = nullptr;
}

void SourceReader::expand_below(YamlNode& node) {
  for (const auto& item : node.items) expand_child(item);
  for (const auto& [key, value] : node.members) {
    if (key->scalar.find("${") != std::string::npos) {
      diagnostics_.error(key->location, "`" + key->scalar + "`: variables stand in values, not in keys");
      diagnostics_.silence(key->location);
    }
    expand_child(value);
  }
  if (node.scalar.find("${") == std::string::npos) return;
  ++references_;
  if (node.location.is_from_api()) node.written = node.scalar;
  std::string text;
  if (expand_text(node.scalar, node.location, text, node.inserted)) {
    if (text.empty()) diagnostics_.add_hint(node.location, "; the value of `" + node.scalar + "` is empty");
    node.scalar = std::move(text);
  } else {
    diagnostics_.silence(node.location);
  }
}

// Replaces references in `text`. False when one of them has no value, which has been reported.
bool SourceReader::expand_text(std::string_view text, const Location& location, std::string& out,
                               Spans& inserted) {
  bool good = true;
  for (;;) {
    const size_t begin = text.find("${");
    if (begin == std::string_view::npos) break;
    const bool escaped = begin > 0 && text[begin - 1] == '$';
    out += text.substr(0, escaped ? begin - 1 : begin);
    text.remove_prefix(begin + 2);
    if (escaped) {
      out += "${";
      continue;
    }
    const size_t end = closing_brace(text);
    if (end == std::string_view::npos) {
      diagnostics_.error(location, "`${` without `}`; write `$${` where `${` itself is meant");
      return false;
    }
    const size_t from = out.size();
    good = append_value(text.substr(0, end), location, out) && good;
    if (out.size() > from) inserted.emplace_back(from, out.size());
    text.remove_prefix(end + 1);
  }
  out += text;
  return good;
}

// Appends the value of `${reference}`. False when it has none.
bool SourceReader::append_value(std::string_view reference, const Location& location, std::string& out) {
  if (reference.starts_with("file:")) {
    auto content = content_of(location.beside(std::string(reference.substr(5))), location);
    if (!content) return false;
    if (content->ends_with('\n')) content->pop_back();
    if (content->ends_with('\r')) content->pop_back();
    out += *content;
    return true;
  }
  const size_t dash = reference.find(":-");
  const std::string name(reference.substr(0, dash));
  const char* value = std::getenv(name.c_str());
  if (value != nullptr) note(value);
  if (dash != std::string_view::npos) {
    if (value == nullptr || *value == '\0') {
      Spans within;
      return expand_text(reference.substr(dash + 2), location, out, within);
    }
  } else if (value == nullptr) {
    if (missing_.insert(name).second) diagnostics_.error(location, why_missing(name));
    return false;
  }
  out += value;
  return true;
}

}  // namespace portcullis::config
