#include "config/source_reader.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/hash.h"
#include "base/read_file.h"

namespace portcullis::config {
namespace {

namespace fs = std::filesystem;

// Adds `from`'s members to those of `into`.
void join_documents(YamlNode& into, const YamlNode& from, Diagnostics& diagnostics) {
  if (from.kind == YamlNode::Kind::kNull) return;
  if (from.kind != YamlNode::Kind::kMapping) {
    diagnostics.error(from.location, "expected configuration (keys and values)");
    return;
  }
  for (const auto& member : from.members) {
    const YamlNode* key = member.first.get();
    const YamlNode* value = member.second.get();
    const auto given = std::find_if(into.members.begin(), into.members.end(),
                                    [&](const auto& known) { return known.first->scalar == key->scalar; });
    if (given == into.members.end()) {
      into.members.push_back(member);
      continue;
    }
    YamlNode& before = *given->second;
    if (before.kind == YamlNode::Kind::kSequence && value->kind == YamlNode::Kind::kSequence) {
      // A node of its own: an alias may share the first.
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
  return content ? parse_yaml(*content, path, diagnostics_) : nullptr;
}

std::shared_ptr<YamlNode> SourceReader::read_folder(const std::string& path) {
  sources_.files.push_back(path);
  std::vector<std::string> files;
  std::error_code problem;
  for (const fs::directory_entry& entry : fs::directory_iterator(path, problem)) {
    const std::string extension = entry.path().extension();
    // Editors leave hidden files behind.
    if (entry.path().filename().string().starts_with('.') || !entry.is_regular_file(problem)) continue;
    if (extension == ".yaml" || extension == ".yml" || extension == ".json") files.push_back(entry.path());
  }
  if (files.empty()) {
    diagnostics_.error({path, 0, 0}, "no *.yaml, *.yml or *.json in this folder");
    return nullptr;
  }
  std::sort(files.begin(), files.end());
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

std::optional<std::string> SourceReader::value_of(const std::string& name, const Location& location) {
  if (name.starts_with("file:")) {
    auto content = content_of(location.beside(name.substr(5)), location);
    if (content && content->ends_with('\n')) content->pop_back();
    if (content && content->ends_with('\r')) content->pop_back();
    return content;
  }
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) {
    diagnostics_.error(location, "the environment variable " + name + " is not set");
    return std::nullopt;
  }
  note(value);
  return value;
}

void SourceReader::expand(YamlNode& node) {
  std::set<const YamlNode*> done;
  expand(node, done);
}

void SourceReader::expand(YamlNode& node, std::set<const YamlNode*>& done) {
  const auto expand_child = [&](const std::shared_ptr<YamlNode>& child) {
    // Only what several places share can come by twice.
    if (child.use_count() == 1 || done.insert(child.get()).second) expand(*child, done);
  };
  for (const auto& item : node.items) expand_child(item);
  for (const auto& member : node.members) expand_child(member.second);
  size_t from = 0;
  while ((from = node.scalar.find("${", from)) != std::string::npos) {
    const size_t end = node.scalar.find('}', from);
    if (end == std::string::npos) {
      diagnostics_.error(node.location, "`${` without `}`");
      return;
    }
    const auto value = value_of(node.scalar.substr(from + 2, end - from - 2), node.location);
    if (!value) return;
    node.scalar.replace(from, end + 1 - from, *value);
    from += value->size();
  }
}

}  // namespace portcullis::config
