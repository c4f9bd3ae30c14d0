#include "config/object_document.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

#include "config/kept_items.h"

namespace portcullis::config {
namespace {

// The element of the Config's list of that kind.
std::shared_ptr<const void> element_of(const Config& config, const ObjectKind& kind, size_t index) {
  const auto share = [index](const auto& list) -> std::shared_ptr<const void> { return list.share(index); };
  if (kind.key == "listeners") return share(config.listeners);
  if (kind.key == "upstreams") return share(config.upstreams);
  if (kind.key == "routes") return share(config.routes);
  if (kind.key == "consumers") return share(config.consumers);
  if (kind.key == "plans") return share(config.plans);
  return share(config.policy_sets);
}

// True for a node, itself or below `node`, for which `is_so` is true.
template <typename Predicate>
bool any_node(const YamlNode& node, Predicate is_so) {
  const auto any_below = [&](const auto& child) { return any_node(*child, is_so); };
  return is_so(node) || std::any_of(node.items.begin(), node.items.end(), any_below) ||
         std::any_of(node.members.begin(), node.members.end(),
                     [&](const auto& member) { return any_below(member.second); });
}

// True when a reference below `node` has been replaced, whose value may be another one the next time.
bool has_references(const YamlNode& node) {
  return any_node(node, [](const YamlNode& one) { return !one.written.empty(); });
}

bool has_secrets(const YamlNode& node) {
  return any_node(node, [](const YamlNode& one) { return one.mark == YamlNode::Mark::kSecret; });
}

// A copy that shares no memory with the document of `node`, whose nodes are given back together.
std::shared_ptr<YamlNode> copy_of(const YamlNode& node) {
  auto out = std::make_shared<YamlNode>(node);
  out->item = nullptr;
  for (auto& item : out->items) item = copy_of(*item);
  for (auto& [key, value] : out->members) {
    key = copy_of(*key);
    value = copy_of(*value);
  }
  return out;
}

// Sets the value of an object, and the node that stands for it. The node is a part of the object, because
// there can be many of them in each document.
void keep(Object& object, std::shared_ptr<const void> value) {
  object.value = std::move(value);
  object.kept_node.kind = YamlNode::Kind::kKept;
  object.kept_node.location = object.location;
  object.kept_node.object = {ObjectPointer(), &object};  // which does not keep the object that it is in
}

// The node that stands for an object that has been loaded. Nothing changes it any more, so several documents
// can have it at the same time.
std::shared_ptr<YamlNode> kept_node(const ObjectPointer& object) {
  return {object, &object->kept_node};
}

// The object that a node stands for.
ObjectPointer object_in(const std::shared_ptr<YamlNode>& node) {
  return node->item != nullptr ? node->object : ObjectPointer(node, node->object.get());
}

// The object that a node has been loaded as. Of one that was made of an object, only the secrets can differ.
std::shared_ptr<Object> loaded_object(const ObjectKind& kind, const YamlNode& node) {
  if (node.object == nullptr || has_secrets(node)) return std::make_shared<Object>(object_of(kind, node));
  return std::make_shared<Object>(Object{.kind = node.object->kind,
                                         .name = node.object->name,
                                         .json = node.object->json,
                                         .secrets = {},
                                         .location = node.location});
}

// The list of a kind in `document`, which is made when there is none. Null when the value is no list.
YamlNode* list_of_kind(YamlNode& document, const ObjectKind& kind) {
  for (auto& [key, value] : document.members) {
    if (key->scalar != kind.key) continue;
    if (value->kind != YamlNode::Kind::kSequence && value->kind != YamlNode::Kind::kNull) return nullptr;
    // A new node, because aliases may share the original.
    value = std::make_shared<YamlNode>(*value);
    value->kind = YamlNode::Kind::kSequence;
    return value.get();
  }
  auto key = std::make_shared<YamlNode>();
  key->kind = YamlNode::Kind::kScalar;
  key->scalar = kind.key;
  auto list = std::make_shared<YamlNode>();
  list->kind = YamlNode::Kind::kSequence;
  document.members.emplace_back(std::move(key), list);
  return list.get();
}

// The node of an object that has to be loaded. Null when this cannot be done, which is reported.
std::shared_ptr<YamlNode> fresh_node(const ObjectPointer& object, const MayRefer& may_refer,
                                     Diagnostics& diagnostics) {
  auto node =
      node_of_json(nlohmann::json::parse(object->json, nullptr, false), object->location.file, diagnostics);
  if (node == nullptr) return nullptr;
  replace_references(*node, may_refer, diagnostics);
  node->object = object;
  return node;
}

}  // namespace

void supply_listeners(YamlNode& document) {
  const YamlNode* const admin = document.find("admin");
  const YamlNode* const writes = admin == nullptr ? nullptr : admin->find("writes");
  const bool by_api = writes != nullptr ? writes->scalar != "files" : document.find("store") != nullptr;
  if (by_api && document.find("listeners") == nullptr) list_of_kind(document, *find_object_kind("listeners"));
}

void check_objects_of_files(const YamlNode& document, const Config& config, Diagnostics& diagnostics) {
  const AdminWrites writes = writes_of(config.admin, config.store);
  if (writes != AdminWrites::kApi) return;
  for (const auto& [key, value] : document.members) {
    const ObjectKind* const kind = find_object_kind(key->scalar);
    if (kind == nullptr || kind->key == "listeners") continue;
    const YamlNode& first = value->items.empty() ? *value : *value->items.front();
    if (first.location.line_read != 0 && !first.location.is_from_api())
      diagnostics.error(key->location,
                        "`" + key->scalar +
                            "` cannot stand in a file while `admin.writes` is `api`: send it to "
                            "the admin API, or set `admin.writes: both`");
  }
}

ObjectDocument objects_of(const YamlNode& document, const Config& config) {
  ObjectDocument out;
  auto settings = std::make_shared<YamlNode>();
  settings->kind = YamlNode::Kind::kMapping;
  settings->location = document.location;
  for (const auto& [key, value] : document.members) {
    const ObjectKind* const kind = find_object_kind(key->scalar);
    if (kind == nullptr || kind->key != key->scalar) {
      settings->members.emplace_back(copy_of(*key), copy_of(*value));
    } else if (kind->is_single) {
      if (value->kind == YamlNode::Kind::kNull) continue;
      out.objects.push_back(std::make_shared<Object>(object_of(*kind, *value)));
      if (out.objects.back()->is_from_file()) settings->members.emplace_back(copy_of(*key), copy_of(*value));
    } else {
      for (size_t i = 0; i < value->items.size(); ++i) {
        const YamlNode& item = *value->items[i];
        if (item.kind == YamlNode::Kind::kKept) {
          out.objects.push_back(object_in(value->items[i]));
          continue;
        }
        auto object = loaded_object(*kind, item);
        // Variables of files are read again with their file.
        if (object->is_from_file() || !has_references(item)) keep(*object, element_of(config, *kind, i));
        out.objects.push_back(std::move(object));
      }
    }
  }
  out.settings = std::move(settings);
  return out;
}

std::shared_ptr<YamlNode> document_of(const YamlNode& settings, std::span<const ObjectPointer> files) {
  // Loading marks nodes, so they are not shared with the next document.
  auto out = copy_of(settings);
  const ObjectKind* kind = nullptr;
  YamlNode* list = nullptr;
  for (const ObjectPointer& object : files) {
    if (object->kind->is_single) continue;  // it is in the settings
    if (std::exchange(kind, object->kind) != object->kind) list = list_of_kind(*out, *object->kind);
    list->items.push_back(kept_node(object));
  }
  return out;
}

void add_objects(YamlNode& document, std::span<const ObjectPointer> objects, const MayRefer& may_refer,
                 Diagnostics& diagnostics) {
  const ObjectKind* kind = nullptr;
  YamlNode* list = nullptr;
  for (const ObjectPointer& object : objects) {
    auto node = object->value != nullptr ? kept_node(object) : fresh_node(object, may_refer, diagnostics);
    if (node == nullptr) continue;
    if (object->kind->is_single) {
      const YamlNode* const given = document.find(object->kind->key);
      if (given != nullptr && given->kind == YamlNode::Kind::kNull) {
        std::erase_if(document.members, [&](const auto& one) { return one.second.get() == given; });
      } else if (given != nullptr) {
        diagnostics.error(node->location, "`" + std::string(object->kind->key) + "` is given already (" +
                                              given->location.seen_from(node->location) + ")");
        continue;
      }
      auto key = std::make_shared<YamlNode>();
      key->kind = YamlNode::Kind::kScalar;
      key->scalar = object->kind->key;
      document.members.emplace_back(std::move(key), std::move(node));
      continue;
    }
    if (std::exchange(kind, object->kind) != object->kind) list = list_of_kind(document, *object->kind);
    if (list != nullptr) list->items.push_back(std::move(node));
  }
}

}  // namespace portcullis::config
