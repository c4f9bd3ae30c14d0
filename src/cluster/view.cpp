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

using nlohmann::json;
using State = Canary::State;

constexpr std::array<std::pair<State, std::string_view>, 3> kStates{
    {{State::kServes, "serves"}, {State::kPromoted, "promoted"}, {State::kWithdrawn, "withdrawn"}}};

std::string word_of(State state) {
  for (const auto& [one, word] : kStates) {
    if (one == state) return std::string(word);
  }
  return "";
}

std::optional<State> state_of(std::string_view word) {
  for (const auto& [one, its_word] : kStates) {
    if (its_word == word) return one;
  }
  return std::nullopt;
}

json json_of(const CanaryCounts::Side& side) {
  return {{"requests", side.requests}, {"errors", side.errors}, {"duration", side.duration}};
}

CanaryCounts::Side side_from(const json& value) {
  return {.requests = etcd::number_at(value, "requests"),
          .errors = etcd::number_at(value, "errors"),
          .duration = etcd::number_at(value, "duration")};
}

std::vector<std::string> texts_from(const json& list) {
  std::vector<std::string> out;
  for (const json& one : list) {
    if (one.is_string()) out.push_back(one.get<std::string>());
  }
  return out;
}

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

std::optional<Canary> begun_canary(const store::Revision& revision, const store::Draft& draft) {
  if (draft.canary.empty()) return std::nullopt;
  return Canary{
      .revision = revision.number, .base = revision.parent, .rules = draft.canary, .author = draft.author};
}

std::string text_of(const Canary& canary) {
  return json_text(json{{"revision", canary.revision},
                        {"base", canary.base},
                        {"rules", canary.rules},
                        {"author", canary.author},
                        {"turns", canary.turns},
                        {"state", word_of(canary.state)},
                        {"reason", canary.reason},
                        {"ended_by", canary.ended_by}});
}

std::optional<Canary> canary_from(std::string_view text) {
  const json value = json::parse(text, nullptr, false);
  const auto state = state_of(etcd::text_at(value, "state"));
  Canary out{.revision = etcd::number_at(value, "revision"),
             .base = etcd::number_at(value, "base"),
             .rules = etcd::text_at(value, "rules"),
             .author = etcd::text_at(value, "author"),
             .turns = texts_from(etcd::member_at(value, "turns")),
             .state = state.value_or(State::kServes),
             .reason = etcd::text_at(value, "reason"),
             .ended_by = etcd::text_at(value, "ended_by")};
  if (!state || out.revision == 0 || out.rules.empty()) return std::nullopt;
  return out;
}

store::InForce in_force_of(uint64_t newest, const std::optional<Canary>& canary) {
  if (!canary || canary->revision != newest || canary->state == State::kPromoted) return {newest, ""};
  return {canary->base, canary->state == State::kServes ? canary->rules : ""};
}

std::string text_of(const CanaryCounts& counts) {
  return json_text(json{
      {"revision", counts.revision}, {"canary", json_of(counts.canary)}, {"base", json_of(counts.base)}});
}

CanaryCounts canary_counts_from(std::string_view text) {
  const json value = json::parse(text, nullptr, false);
  return {.revision = etcd::number_at(value, "revision"),
          .canary = side_from(etcd::member_at(value, "canary")),
          .base = side_from(etcd::member_at(value, "base"))};
}

std::optional<Canary> canary_in(const View& view) {
  return view.canary ? canary_from(view.canary->text) : std::nullopt;
}

store::InForce in_force_in(const View& view) {
  return in_force_of(view.current.number, canary_in(view));
}

Subject subject_of(const Layout& layout, std::string_view key) {
  if (key == layout.current()) return {Topic::kCurrent};
  if (key == layout.canary()) return {Topic::kCanary};
  const std::array folders{
      std::pair(layout.tags(), Topic::kTag),     std::pair(layout.drafts(), Topic::kDraft),
      std::pair(layout.nodes(), Topic::kNode),   std::pair(layout.members(), Topic::kNode),
      std::pair(layout.events(), Topic::kEvent), std::pair(layout.canary_counts(), Topic::kCanaryCounts)};
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
    case Topic::kCanaryCounts: view.canary_counts[subject.name] = canary_counts_from(item.value); break;
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
    case Topic::kCanaryCounts: view.canary_counts.erase(subject.name); break;
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
