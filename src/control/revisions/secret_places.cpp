#include "control/revisions/secret_places.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

#include "config/model.h"
#include "config/schema_model.h"
#include "policy/registry.h"

namespace portcullis::control {
namespace {

using config::YamlNode;

std::shared_ptr<YamlNode> key_node(std::string_view key) {
  auto out = std::make_shared<YamlNode>();
  out->kind = YamlNode::Kind::kScalar;
  out->scalar = key;
  return out;
}

// Adds `node` to the document, as an object of that kind.
void add_to(YamlNode& document, const ObjectKind& kind, const std::shared_ptr<YamlNode>& node) {
  if (kind.is_single) {
    document.members.emplace_back(key_node(kind.key), node);
    return;
  }
  if (document.find(kind.key) == nullptr) {
    auto list = std::make_shared<YamlNode>();
    list->kind = YamlNode::Kind::kSequence;
    document.members.emplace_back(key_node(kind.key), std::move(list));
  }
  for (auto& [key, list] : document.members) {
    if (key->scalar == kind.key) list->items.push_back(node);
  }
}

}  // namespace

std::vector<ObjectPointer> with_secrets(const std::vector<ObjectPointer>& objects) {
  config::Diagnostics ignored;
  ignored.allow_files([](std::string_view) { return true; });
  YamlNode document;
  document.kind = YamlNode::Kind::kMapping;
  std::vector<std::shared_ptr<YamlNode>> nodes;
  for (const ObjectPointer& one : objects) {
    const nlohmann::json json = nlohmann::json::parse(one->json, nullptr, false);
    nodes.push_back(config::node_of_json(json, one->location.file, ignored));
    if (nodes.back() != nullptr) add_to(document, *one->kind, nodes.back());
  }
  config::Config config;
  config::config_type(policy::catalog()).load(document, config, ignored);
  std::vector<ObjectPointer> out;
  for (size_t i = 0; i < objects.size(); ++i) {
    auto object = std::make_shared<config::Object>(*objects[i]);
    std::vector<std::string>& secrets = object->secrets;
    if (nodes[i] != nullptr) {
      const std::vector<std::string> found = config::object_of(*object->kind, *nodes[i]).secrets;
      secrets.insert(secrets.end(), found.begin(), found.end());
    }
    std::sort(secrets.begin(), secrets.end());
    secrets.erase(std::unique(secrets.begin(), secrets.end()), secrets.end());
    out.push_back(std::move(object));
  }
  return out;
}

}  // namespace portcullis::control
