#include "config/node_settings.h"

#include <algorithm>

#include "base/hash.h"
#include "config/object.h"
#include "config/yaml.h"

namespace portcullis::config {
namespace {

// The order of the keys of a mapping has no meaning, so it does not change the digest.
uint64_t digest_of(const YamlNode& node) {
  uint64_t out = hash_bytes(node.scalar, static_cast<uint64_t>(node.kind));
  for (const auto& item : node.items) out = hash_mix(out, digest_of(*item));
  uint64_t members = 0;
  for (const auto& [key, value] : node.members) members += hash_mix(digest_of(*key), digest_of(*value));
  return hash_mix(out, members);
}

// As digest_of(), for a list of objects, of which some have been loaded before.
uint64_t digest_of_objects(const YamlNode& list) {
  const ObjectKind& kind = *find_object_kind("listeners");
  uint64_t out = 0;
  for (const auto& item : list.items) {
    const bool is_kept = item->kind == YamlNode::Kind::kKept;
    out = hash_mix(out, hash_bytes(is_kept ? item->object->json : object_of(kind, *item).json));
  }
  return out;
}

}  // namespace

NodeSettings::NodeSettings(const YamlNode& document) {
  for (const auto& [key, value] : document.members) {
    const std::string& name = key->scalar;
    // Objects belong to revisions, except for listeners, which are shared by all revisions of a node.
    const bool is_of_revision =
        name == "version" || (name != "listeners" && find_object_kind(name) != nullptr);
    if (is_of_revision || is_extension_key(name)) continue;
    digests_[name] = name == "listeners" ? digest_of_objects(*value) : digest_of(*value);
  }
}

std::vector<std::string> NodeSettings::differences(const NodeSettings& other) const {
  std::vector<std::string> out;
  const auto add_missing = [&out](const auto& from, const auto& in, bool compares) {
    for (const auto& [key, digest] : from) {
      const auto same = in.find(key);
      if (same == in.end() || (compares && same->second != digest)) out.push_back(key);
    }
  };
  add_missing(digests_, other.digests_, true);
  add_missing(other.digests_, digests_, false);
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace portcullis::config
