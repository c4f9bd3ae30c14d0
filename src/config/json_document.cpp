#include "config/json_document.h"

#include <nlohmann/json.hpp>

#include "base/canonical_json.h"
#include "base/json_pointer.h"
#include "config/source_reader.h"

namespace portcullis::config {
namespace {

class Reader {
 public:
  Reader(const FileName& name, Diagnostics& diagnostics) : name_(name), diagnostics_(diagnostics) {}

  std::shared_ptr<YamlNode> read(const nlohmann::json& json, size_t depth) {
    auto node = std::make_shared<YamlNode>();
    node->location = {name_, ++count_, 0};
    if (depth > kMaxDocumentDepth) {
      diagnostics_.error(node->location, "nested too deeply");
      return nullptr;
    }
    if (json.is_object()) {
      node->kind = YamlNode::Kind::kMapping;
      for (const auto& [key, value] : json.items()) {
        auto member = read(value, depth + 1);
        if (member == nullptr) return nullptr;
        auto name = std::make_shared<YamlNode>();
        name->kind = YamlNode::Kind::kScalar;
        name->scalar = key;
        name->location = member->location;
        node->members.emplace_back(std::move(name), std::move(member));
      }
    } else if (json.is_array()) {
      node->kind = YamlNode::Kind::kSequence;
      for (const nlohmann::json& item : json) {
        auto element = read(item, depth + 1);
        if (element == nullptr) return nullptr;
        node->items.push_back(std::move(element));
      }
    } else if (!json.is_null()) {
      node->kind = YamlNode::Kind::kScalar;
      node->quoted = json.is_string();
      if (json.is_string()) {
        node->scalar = json.get_ref<const std::string&>();
      } else if (auto text = canonical_json(json)) {
        node->scalar = std::move(*text);
      } else {
        diagnostics_.error(node->location, text.error().message);
        return nullptr;
      }
    }
    return node;
  }

 private:
  const FileName& name_;
  Diagnostics& diagnostics_;
  size_t count_ = 0;
};

// Counts the values up to a number, and writes the pointer to it.
class Search {
 public:
  explicit Search(size_t wanted) : left_(wanted) {}

  bool find(const nlohmann::json& json) {
    if (--left_ == 0) return true;
    if (!json.is_structured()) return false;
    size_t index = 0;
    for (auto at = json.begin(); at != json.end(); ++at, ++index) {
      const size_t length = pointer.size();
      pointer += '/';
      append_pointer_token(pointer, json.is_object() ? at.key() : std::to_string(index));
      if (find(*at)) return true;
      pointer.resize(length);
    }
    return false;
  }

  std::string pointer;

 private:
  size_t left_;
};

// Looks for references that are not allowed.
class ReferenceCheck {
 public:
  ReferenceCheck(const MayRefer& may_refer, Diagnostics& diagnostics)
      : may_refer_(may_refer), diagnostics_(diagnostics) {}

  bool found() const { return found_; }
  bool refused() const { return refused_; }

  void look(const YamlNode& node) {
    for (const auto& item : node.items) look(*item);
    for (const auto& [key, value] : node.members) look(*value);
    const std::string_view text = node.scalar;
    for (size_t at = text.find("${"); at != std::string_view::npos; at = text.find("${", at + 2)) {
      if (at > 0 && text[at - 1] == '$') continue;
      found_ = true;
      look_at(text.substr(at + 2), node.location);
    }
  }

 private:
  // `rest` is what follows `${`. The reference ends where SourceReader ends it at the latest; a path has no
  // default, and ends with the brace.
  void look_at(std::string_view rest, const Location& location) {
    constexpr std::string_view kFile = "file:";
    const bool is_file = rest.starts_with(kFile);
    if (is_file) rest.remove_prefix(kFile.size());
    const size_t end = is_file ? rest.find('}') : std::min(rest.find('}'), rest.find(":-"));
    const std::string_view name = rest.substr(0, end);
    const bool is_path = name.starts_with('/') && name.find("${") == std::string_view::npos;
    if (is_file == is_path && may_refer_(name)) return;
    refused_ = true;
    diagnostics_.error(location,
                       "`" + std::string(name) +
                           "` is not in this node's `store.references`: only variables and files that "
                           "are listed there can be used by objects of the API; `${` itself is "
                           "written `$${`");
  }

  const MayRefer& may_refer_;
  Diagnostics& diagnostics_;
  bool found_ = false;
  bool refused_ = false;
};

}  // namespace

std::shared_ptr<YamlNode> node_of_json(const nlohmann::json& json, const FileName& name,
                                       Diagnostics& diagnostics) {
  return Reader(name, diagnostics).read(json, 0);
}

std::string pointer_to(const nlohmann::json& json, size_t number) {
  Search search(number);
  return number > 0 && search.find(json) ? search.pointer : std::string();
}

bool replace_references(YamlNode& document, const MayRefer& may_refer, Diagnostics& diagnostics) {
  ReferenceCheck check(may_refer, diagnostics);
  check.look(document);
  if (check.refused()) return true;
  Sources ignored;
  SourceReader(ignored, diagnostics).expand_object(document);
  return check.found();
}

}  // namespace portcullis::config
