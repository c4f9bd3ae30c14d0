#include "cluster/view.h"

#include <nlohmann/json.hpp>

#include <array>
#include <utility>

#include "base/json_text.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "etcd/encoding.h"

namespace portcullis::cluster {
namespace {

bool is_member_key(const Layout& layout, std::string_view key) {
  return Layout::name_in(layout.members(), key).has_value();
}

// What this digest is of is no JSON text, so it is the digest of no secret.
std::string event_digest(const Event& event, const std::string& name, const Keys& keys) {
  const std::string text = json_text(nlohmann::json::array({name, event.kind, event.text, event.node}));
  return crypto::hex_encode(crypto::text_of(keys.box->digest("event " + text)));
}

}  // namespace

std::string text_of(const Event& event, const std::string& name, const Keys& keys) {
  return json_text(nlohmann::json{{"kind", event.kind},
                                  {"text", event.text},
                                  {"node", event.node},
                                  {"digest", event_digest(event, name, keys)}});
}

std::optional<Event> event_from(std::string_view text, const std::string& name, const Keys& keys) {
  const nlohmann::json value = nlohmann::json::parse(text, nullptr, false);
  Event out{etcd::text_at(value, "kind"), etcd::text_at(value, "text"), etcd::text_at(value, "node")};
  if (!crypto::equal_in_constant_time(etcd::text_at(value, "digest"), event_digest(out, name, keys)))
    return std::nullopt;
  return out;
}

Subject subject_of(const Layout& layout, std::string_view key) {
  if (key == layout.current()) return {Topic::kCurrent};
  if (key == layout.canary()) return {Topic::kCanary};
  const std::array folders{std::pair(layout.tags(), Topic::kTag), std::pair(layout.drafts(), Topic::kDraft),
                           std::pair(layout.nodes(), Topic::kNode), std::pair(layout.members(), Topic::kNode),
                           std::pair(layout.events(), Topic::kEvent)};
  for (const auto& [folder, topic] : folders) {
    if (const auto name = Layout::name_in(folder, key)) return {topic, std::string(*name)};
  }
  return {};
}

void apply_put(const Layout& layout, const etcd::KeyValue& item, View& view) {
  const Subject subject = subject_of(layout, item.key);
  switch (subject.topic) {
    case Topic::kCurrent: view.current = current_from({.items = {item}}); break;
    case Topic::kCanary: view.canary = Document{item.value, item.mod_revision}; break;
    case Topic::kTag: view.tags.tags[subject.name] = parse_decimal(item.value).value_or(0); break;
    case Topic::kDraft: view.drafts[subject.name] = item.mod_revision; break;
    case Topic::kNode: {
      ListedNode& node = view.nodes[subject.name];
      node.node = node_from(subject.name, item.value);
      (is_member_key(layout, item.key) ? node.member : node.alive) = true;
      break;
    }
    case Topic::kEvent:
    case Topic::kOther: break;
  }
}

void apply_removal(const Layout& layout, std::string_view key, View& view) {
  const Subject subject = subject_of(layout, key);
  switch (subject.topic) {
    case Topic::kCurrent: view.current = {}; break;
    case Topic::kCanary: view.canary.reset(); break;
    case Topic::kTag: view.tags.tags.erase(subject.name); break;
    case Topic::kDraft: view.drafts.erase(subject.name); break;
    case Topic::kNode: {
      const auto node = view.nodes.find(subject.name);
      if (node == view.nodes.end()) break;
      (is_member_key(layout, key) ? node->second.member : node->second.alive) = false;
      if (!node->second.member && !node->second.alive) view.nodes.erase(node);
      break;
    }
    case Topic::kEvent:
    case Topic::kOther: break;
  }
}

}  // namespace portcullis::cluster
