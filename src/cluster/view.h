#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "cluster/keys.h"
#include "cluster/layout.h"
#include "cluster/node.h"
#include "cluster/revisions.h"
#include "etcd/messages.h"

namespace portcullis::cluster {

// A text with the revision of etcd that has written it, by which a writer says what it has seen.
struct Document {
  std::string text;
  uint64_t changed = 0;
};

struct ListedNode {
  Node node;
  bool alive = false;   // its lease is held
  bool member = false;  // it is remembered; a node that is not alive is lost
};

// What all nodes are to do once: a purge, a revocation.
struct Event {
  std::string kind;
  std::string text;
  std::string node;  // that has sent it
};
// An event as it lies in etcd at the key `events/NAME`: with a digest over name and event that only the keys
// of the cluster give. So a user of etcd without the key file cannot make the nodes do anything.
std::string text_of(const Event& event, const std::string& name, const Keys& keys);
// Nothing when the digest is another one.
std::optional<Event> event_from(std::string_view text, const std::string& name, const Keys& keys);

// What a node knows of the cluster, without revisions and drafts themselves.
struct View {
  Current current;
  std::optional<Document> canary;
  TagsAt tags;
  std::map<std::string, uint64_t> drafts;  // the revision of etcd that has written each
  std::map<std::string, ListedNode> nodes;
};

// Which part of the view a key belongs to.
enum class Topic { kCurrent, kCanary, kTag, kDraft, kNode, kEvent, kOther };
struct Subject {
  Topic topic = Topic::kOther;
  std::string name{};  // of the tag, draft, node or event
};
Subject subject_of(const Layout& layout, std::string_view key);

// Puts an item into the view, or takes it out.
void apply_put(const Layout& layout, const etcd::KeyValue& item, View& view);
void apply_removal(const Layout& layout, std::string_view key, View& view);

}  // namespace portcullis::cluster
