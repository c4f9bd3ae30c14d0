// Documents of changes: `{message?, base?, changes: [...]}`, and what is answered to them.

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/json_pointer.h"
#include "base/text.h"
#include "control/admin/call_check.h"
#include "control/admin/change_answer.h"
#include "control/admin/documents.h"
#include "control/admin/shapes.h"

namespace portcullis::control {
namespace {

using nlohmann::json;

struct Verb {
  std::string_view word;
  Edit::What what;
};
constexpr std::array<Verb, 4> kVerbs{{{"put", Edit::What::kPut},
                                      {"merge", Edit::What::kMerge},
                                      {"delete", Edit::What::kDelete},
                                      {"reset", Edit::What::kReset}}};

// Reads `{kind, name, value}` of one change. Returns the answer to a change of another form.
std::optional<ServerAnswer> read_edit(Edit::What what, const json& told, const std::string& path, Edit& out) {
  const bool has_value = what == Edit::What::kPut || what == Edit::What::kMerge;
  const auto refuse = [&](const std::string& at, std::string message) {
    return refuse_document(path + at, std::move(message));
  };
  if (!told.is_object()) return refuse("", "expected an object with `kind`, `name` and `value`");
  std::vector<std::string_view> known{"kind", "name"};
  if (has_value) known.push_back("value");
  for (const auto& [name, value] : told.items()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    std::string at = "/";
    append_pointer_token(at, name);
    return refuse(at, "there is no `" + name + "` here" + suggestion_for(name, known));
  }
  if (!told.contains("kind") || !told["kind"].is_string()) return refuse("", "the change needs `kind`");
  const auto& word = told["kind"].get_ref<const std::string&>();
  const ObjectKind* const kind = config::find_object_kind(word);
  if (kind == nullptr) return refuse("/kind", "`" + word + "` is not a kind of objects");
  if (!kind->is_single && (!told.contains("name") || !told["name"].is_string()))
    return refuse("", "the change needs `name`");
  if (has_value && !told.contains("value")) return refuse("", "the change needs `value`");
  out.what = what;
  out.id = {kind, kind->is_single ? std::string() : told["name"].get<std::string>()};
  if (has_value) out.value = std::make_shared<const json>(told["value"]);
  out.path = has_value ? path + "/value" : path;
  return std::nullopt;
}

enum class ChangeTarget { kInForce, kDraft };

// Null for another word, and for a change that the target does not know.
const Verb* find_verb(std::string_view word, ChangeTarget target) {
  const auto* const found =
      std::find_if(kVerbs.begin(), kVerbs.end(), [&](const Verb& one) { return one.word == word; });
  if (found == kVerbs.end()) return nullptr;
  return target == ChangeTarget::kInForce && found->what == Edit::What::kReset ? nullptr : &*found;
}

std::optional<ServerAnswer> read_edits(const json& changes, ChangeTarget target, std::vector<Edit>& out) {
  if (!changes.is_array()) return refuse_document("/changes", "expected a list of changes");
  for (size_t i = 0; i < changes.size(); ++i) {
    const std::string path = "/changes/" + std::to_string(i);
    const json& one = changes[i];
    const Verb* const verb =
        one.is_object() && one.size() == 1 ? find_verb(one.begin().key(), target) : nullptr;
    if (verb == nullptr)
      return refuse_document(path, target == ChangeTarget::kDraft
                                       ? "expected one of `put`, `merge`, `delete` and `reset`"
                                       : "expected one of `put`, `merge` and `delete`");
    Edit edit;
    const std::string place = path + "/" + std::string(verb->word);
    if (auto refusal = read_edit(verb->what, one.begin().value(), place, edit)) return refusal;
    out.push_back(std::move(edit));
  }
  return std::nullopt;
}

std::optional<ServerAnswer> read_message_member(const json& document, ChangeRequest& out) {
  if (!document.contains("message")) return std::nullopt;
  if (!document["message"].is_string()) return refuse_document("/message", "expected a text");
  out.message = document["message"].get<std::string>();
  if (out.message.size() <= kMaxMessage) return std::nullopt;
  return refuse_document("/message", "the message is longer than " + std::to_string(kMaxMessage) + " bytes");
}

json list_of_changes(const std::string& description) {
  return shape::list(shape::any("object", description));
}

}  // namespace

std::optional<ServerAnswer> read_change(const json& document, ChangeRequest& out) {
  if (auto refusal = read_message_member(document, out)) return refusal;
  if (document.contains("base")) {
    if (!document["base"].is_number_unsigned())
      return refuse_document("/base", "expected the number of a revision");
    out.base = document["base"].get<uint64_t>();
  }
  return read_edits(document.value("changes", json()), ChangeTarget::kInForce, out.edits);
}

std::optional<ServerAnswer> read_draft_change(const json& document, ChangeRequest& out) {
  if (auto refusal = read_message_member(document, out)) return refusal;
  return read_edits(document.value("changes", json()), ChangeTarget::kDraft, out.edits);
}

json outcome_of(const Published& published) {
  return {{"revision", published.revision}, {"summary", published.summary}};
}

json outcome_schema() {
  return shape::object(
      {{"revision", shape::integer("The number of the revision in force.")},
       {"summary", shape::text("How it differs: `+2 routes, ~1 upstream`; empty when nothing has "
                               "changed.")}});
}

json changes_schema() {
  return shape::object(
      {{"message", shape::text("Why the change is made.")},
       {"base", shape::integer("The revision that the author has seen.")},
       {"changes", list_of_changes("`{put: {kind, name, value}}`, `{merge: {kind, name, value}}` "
                                   "or `{delete: {kind, name}}`.")}},
      {"changes"});
}

json draft_changes_schema() {
  return shape::object(
      {{"message", shape::text("Why the change is made.")},
       {"changes",
        list_of_changes("`{put: {kind, name, value}}`, `{merge: {kind, name, value}}`, `{delete: {kind, "
                        "name}}`, or `{reset: {kind, name}}`, by which the object leaves the draft and is "
                        "as in force. Resets come before the others.")}},
      {"changes"});
}

}  // namespace portcullis::control
