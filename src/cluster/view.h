#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/keys.h"
#include "cluster/layout.h"
#include "cluster/node.h"
#include "cluster/revisions.h"
#include "etcd/messages.h"
#include "store/store.h"

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

// The canary of a cluster: the newest revision, while it serves a share of the requests beside the revision
// in force. The key `canary` is written with the revision, in one transaction, and once more when the canary
// ends. It stays until the next revision, because only it tells whether the newest revision is in force.
struct Canary {
  enum class State { kServes, kPromoted, kWithdrawn };

  uint64_t revision = 0;
  uint64_t base = 0;                 // the revision in force when the canary began
  std::string rules{};               // store::Draft::canary
  std::string author{};              // of the revision
  std::vector<std::string> turns{};  // node by node: the nodes that serve it, in the order of their turns
  State state = State::kServes;
  std::string reason{};    // why it has ended, as a phrase
  std::string ended_by{};  // the name of the author of its end

  bool operator==(const Canary&) const = default;
};

// What the key `canary` says when the revision of this draft is published; nothing when it is no canary.
std::optional<Canary> begun_canary(const store::Revision& revision, const store::Draft& draft);
std::string text_of(const Canary& canary);
// Nothing when the text has another form, or is empty because there is no canary.
std::optional<Canary> canary_from(std::string_view text);

// What is in force in a cluster whose newest revision and whose key `canary` are these. A canary of an
// earlier revision tells nothing.
store::InForce in_force_of(uint64_t newest, const std::optional<Canary>& canary);

// What a node has counted while a canary serves.
struct CanaryCounts {
  struct Side {
    uint64_t requests = 0;
    uint64_t errors = 0;
    uint64_t duration = 0;  // of all requests together, in microseconds

    bool operator==(const Side&) const = default;
  };
  uint64_t revision = 0;  // of the canary
  Side canary{};
  Side base{};

  bool operator==(const CanaryCounts&) const = default;
};

std::string text_of(const CanaryCounts& counts);
// Counts of revision 0 when the text has another form.
CanaryCounts canary_counts_from(std::string_view text);

// What a node knows of the cluster, without revisions and drafts themselves.
struct View {
  Current current;
  std::optional<Document> canary;
  TagsAt tags;
  std::map<std::string, uint64_t> drafts;  // the revision of etcd that has written each
  std::map<std::string, ListedNode> nodes;
  std::map<std::string, CanaryCounts> canary_counts;  // by the node that has counted
};

// What the key `canary` says; nothing without one.
std::optional<Canary> canary_in(const View& view);
// What is in force.
store::InForce in_force_in(const View& view);

// Which part of the view a key belongs to.
enum class Topic { kCurrent, kCanary, kCanaryCounts, kTag, kDraft, kNode, kEvent, kOther };
struct Subject {
  Topic topic = Topic::kOther;
  std::string name{};  // of the tag, draft, node or event; with kCanaryCounts of the node
};
Subject subject_of(const Layout& layout, std::string_view key);

// Puts an item into the view, or takes it out.
void apply_put(const Layout& layout, const etcd::KeyValue& item, View& view);
void apply_removal(const Layout& layout, std::string_view key, View& view);

}  // namespace portcullis::cluster
