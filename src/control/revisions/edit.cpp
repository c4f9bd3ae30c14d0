#include "control/revisions/edit.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <set>

#include "base/canonical_json.h"
#include "base/json_pointer.h"
#include "control/revisions/file_diff.h"
#include "control/revisions/object_diff.h"
#include "control/revisions/secret_places.h"
#include "control/revisions/secrets_shown.h"

namespace portcullis::control {
namespace {

using nlohmann::json;

Refusal refused(int status, std::string title, const Edit& edit, const std::string& at = "") {
  Finding finding{.message = title};
  if (edit.is_sent) {
    finding.path = edit.path + at;
  } else {
    finding.object = edit.id;
  }
  return {.status = status, .title = std::move(title), .findings = {std::move(finding)}};
}

std::string called(const ObjectId& id) {
  return id.kind->is_single ? "`" + std::string(id.kind->key) + "`"
                            : std::string(id.kind->noun) + " `" + id.name + "`";
}

// The order of names that lie elsewhere.
struct InOrder {
  bool operator()(const ObjectId* a, const ObjectId* b) const { return *a < *b; }
};

// Applies edits one after the other. The edits outlive it.
class Resolver {
 public:
  using TagOf = std::function<std::string(const config::Object&)>;

  Resolver(const LiveObjects& live, const TagOf& tag_of) : live_(live), tag_of_(tag_of) {}

  // Nothing when the edit has been applied.
  std::optional<Refusal> apply(const Edit& edit) {
    if (auto refusal = check_name(edit)) return refusal;
    // In a large change most names come in their order.
    const size_t known = named_.size();
    named_.insert(named_.end(), &edit.id);
    if (named_.size() == known) return refused(422, called(edit.id) + " is named twice in this change", edit);
    const auto* const entry = find(edit.id);
    const config::Object* const before = entry == nullptr ? nullptr : entry->object.get();
    if (auto refusal = check_preconditions(edit, before)) return refusal;
    if (before == nullptr && edit.what != Edit::What::kPut)
      return refused(409, "there is no " + called(edit.id), edit);
    if (edit.what == Edit::What::kDelete) return remove(edit, *before);
    SharedJson value;
    std::vector<std::string> secrets = edit.secrets;
    if (auto refusal = final_value(edit, before, value, secrets)) return refusal;
    return put(edit, before, *value, std::move(secrets));
  }

  Resolved take() {
    return {.objects = objects_after(),
            .touched = std::move(touched_),
            .edit_of = std::move(edit_of_),
            .after = std::move(after_)};
  }

 private:
  // As LiveObjects::find(), and fast for names that come in their order.
  const LiveObjects::Entry* find(const ObjectId& id) {
    const auto end = live_.entries().end();
    if (next_ == end || !(next_->first == id)) next_ = live_.lower_bound(id);
    return next_ != end && next_->first == id ? &(next_++)->second : nullptr;
  }

  // The objects of the API after the edits, by kind and name.
  std::vector<ObjectPointer> objects_after() const {
    std::vector<ObjectPointer> out;
    out.reserve(live_.entries().size() + changed_.size());
    auto changed = changed_.begin();
    const auto add_changed = [&] {
      if (changed->second != nullptr) out.push_back(changed->second);
      ++changed;
    };
    for (const auto& [id, entry] : live_.entries()) {
      while (changed != changed_.end() && *changed->first < id) add_changed();
      if (changed != changed_.end() && *changed->first == id) {
        add_changed();
      } else if (!entry.object->is_from_file()) {
        out.push_back(entry.object);
      }
    }
    while (changed != changed_.end()) add_changed();
    return out;
  }

  static std::optional<Refusal> check_name(const Edit& edit) {
    if (edit.id.kind->is_single) return std::nullopt;
    if (edit.id.name.empty() || edit.id.name == "." || edit.id.name == "..")
      return refused(422, "`" + edit.id.name + "` is not a name", edit, "/name");
    return std::nullopt;
  }

  std::optional<Refusal> check_preconditions(const Edit& edit, const config::Object* before) const {
    const auto& [match, none_match] = edit.preconditions;
    if (match.empty() && none_match.empty()) return std::nullopt;
    const std::string tag = before == nullptr ? std::string() : tag_of_(*before);
    const auto fits = [&](const std::string& one) { return before != nullptr && (one == "*" || one == tag); };
    if (!match.empty() && std::none_of(match.begin(), match.end(), fits))
      return refused(412,
                     before == nullptr ? "there is no " + called(edit.id)
                                       : called(edit.id) + " is not what `If-Match` says: it has changed",
                     edit);
    if (std::any_of(none_match.begin(), none_match.end(), fits))
      return refused(412, called(edit.id) + " exists already", edit);
    return std::nullopt;
  }

  // Sets `value` to the object as it is after the edit, and adds the places of secrets that it keeps.
  static std::optional<Refusal> final_value(const Edit& edit, const config::Object* before, SharedJson& value,
                                            std::vector<std::string>& secrets) {
    if (is_final(edit)) {
      value = edit.value;
      return std::nullopt;
    }
    const auto changed = std::make_shared<json>();
    value = changed;
    return make_final(edit, before, *changed, secrets);
  }

  // True when the object is to be what was sent, as it was sent.
  static bool is_final(const Edit& edit) {
    if (edit.what != Edit::What::kPut || has_hidden(*edit.value)) return false;
    if (edit.id.kind->is_single) return !edit.value->is_object() || !edit.value->contains("_origin");
    return edit.value->is_object() && !edit.value->contains("_origin") && edit.value->contains("name") &&
           (*edit.value)["name"] == edit.id.name;
  }

  static std::optional<Refusal> make_final(const Edit& edit, const config::Object* before, json& value,
                                           std::vector<std::string>& secrets) {
    // Patches see what their authors see: a `test` must not tell what a secret is.
    value = edit.what == Edit::What::kPut || before == nullptr ? *edit.value : shown(*before);
    if (edit.what == Edit::What::kMerge) value.merge_patch(*edit.value);
    if (edit.what == Edit::What::kPatch) {
      if (auto refusal = patch(edit, value)) return refusal;
    }
    if (value.is_object()) value.erase("_origin");
    if (!has_hidden(value)) return check_form(edit, value);
    json stored;
    if (before != nullptr) stored = json::parse(before->json, nullptr, false);
    Restored restored =
        restore_secrets(value, stored, before == nullptr ? std::vector<std::string>() : before->secrets);
    if (restored.missing)
      return refused(422, "`***` stands for a secret that is stored, and none is stored for this value", edit,
                     *restored.missing);
    secrets.insert(secrets.end(), restored.secrets.begin(), restored.secrets.end());
    return check_form(edit, value);
  }

  static std::optional<Refusal> patch(const Edit& edit, json& value) {
    try {
      value = value.patch(*edit.value);
      return std::nullopt;
    } catch (const json::other_error& problem) {  // a `test` that fails
      return refused(409, "a `test` of the patch has failed: " + detail_of(problem), edit);
    } catch (const json::exception& problem) {
      return refused(422, "the patch cannot be applied: " + detail_of(problem), edit);
    }
  }

  // The text without the name of the library's error.
  static std::string detail_of(const json::exception& problem) {
    const std::string text = problem.what();
    const size_t end = text.find("] ");
    return end == std::string::npos ? text : text.substr(end + 2);
  }

  static std::optional<Refusal> check_form(const Edit& edit, json& value) {
    if (edit.id.kind->is_single) return std::nullopt;
    if (!value.is_object())
      return refused(422, "expected an object, with the members of a " + std::string(edit.id.kind->noun),
                     edit);
    if (!value.contains("name")) value["name"] = edit.id.name;
    if (value["name"] != edit.id.name)
      return refused(422, "the name is another one than `" + edit.id.name + "`: an object keeps its name",
                     edit, "/name");
    return std::nullopt;
  }

  std::optional<Refusal> put(const Edit& edit, const config::Object* before, const json& value,
                             std::vector<std::string> secrets) {
    auto canonical = canonical_json(value);
    if (!canonical) return refused(422, canonical.error().message, edit);
    if (before != nullptr && before->json == *canonical) return std::nullopt;
    const config::Location place{config::FileName::unshared(edit.id.title()), 1, 0};
    auto object = std::make_shared<config::Object>(config::Object{.kind = edit.id.kind,
                                                                  .name = edit.id.name,
                                                                  .json = std::move(*canonical),
                                                                  .secrets = std::move(secrets),
                                                                  .location = place});
    if (before != nullptr && before->is_from_file())
      return refused_by_file(edit, *before, shown(*with_secrets({object}).front()));
    touch(edit, std::move(object));
    return std::nullopt;
  }

  std::optional<Refusal> remove(const Edit& edit, const config::Object& before) {
    if (before.is_from_file()) return refused_by_file(edit, before, json());
    touch(edit, nullptr);
    return std::nullopt;
  }

  // `value` is null for an object that is to be removed.
  static Refusal refused_by_file(const Edit& edit, const config::Object& before, const json& value) {
    const config::Location& place = before.location;
    Refusal out = refused(409,
                          called(edit.id) + " is in the file " + place.file.text() + ":" +
                              std::to_string(place.line()) + ": change it there",
                          edit);
    out.findings.front().object = edit.id;
    out.findings.front().file = place.file.text();
    out.findings.front().line = place.line();
    out.findings.front().column = place.column;
    out.members["file"] = place.file.text();
    out.members["line"] = place.line();
    out.members["diff"] = file_diff(before, value);
    return out;
  }

  void touch(const Edit& edit, ObjectPointer after) {
    touched_.push_back(edit.id);
    changed_.insert_or_assign(changed_.end(), &edit.id, after);
    edit_of_.push_back(&edit);
    after_.push_back(std::move(after));
  }

  const LiveObjects& live_;
  LiveObjects::Entries::const_iterator next_ = live_.entries().begin();
  const TagOf& tag_of_;
  std::map<const ObjectId*, ObjectPointer, InOrder> changed_;  // null: removed
  std::set<const ObjectId*, InOrder> named_;
  std::vector<ObjectId> touched_;
  std::vector<const Edit*> edit_of_;
  std::vector<ObjectPointer> after_;
};

Refusal refused_at(std::string path, std::string message) {
  Finding finding{.path = std::move(path), .message = message};
  return {.status = 422, .title = std::move(message), .findings = {std::move(finding)}};
}

std::string too_many(size_t count) {
  return "the change would make " + std::to_string(count) +
         " objects of the API, and a gateway keeps at most " + std::to_string(kMaxApiObjects);
}

// The elements of a kind in a document, as edits. `value` is a part of the document.
std::optional<Refusal> put_all(const SharedJson& document, const ObjectKind& kind, const json& value,
                               std::vector<Edit>& edits) {
  const std::string path = "/" + std::string(kind.key);
  if (value.is_null()) return std::nullopt;  // as in a file
  if (kind.is_single) {
    edits.push_back({.what = Edit::What::kPut, .id = {&kind, ""}, .value = {document, &value}, .path = path});
    return std::nullopt;
  }
  if (!value.is_array()) return refused_at(path, "expected a list of " + std::string(kind.key));
  if (value.size() > kMaxApiObjects) return refused_at(path, too_many(value.size()));
  for (size_t i = 0; i < value.size(); ++i) {
    const std::string place = path + "/" + std::to_string(i);
    const bool has_name = value[i].is_object() && value[i].contains("name") && value[i]["name"].is_string();
    if (!has_name) return refused_at(place, std::string(kind.noun) + " needs `name`");
    edits.push_back({.what = Edit::What::kPut,
                     .id = {&kind, value[i]["name"].get<std::string>()},
                     .value = {document, &value[i]},
                     .path = place});
  }
  return std::nullopt;
}

}  // namespace

std::variant<Resolved, Refusal> resolve(const LiveObjects& live, const std::vector<Edit>& edits,
                                        const std::function<std::string(const config::Object&)>& tag_of) {
  Resolver resolver(live, tag_of);
  for (const Edit& edit : edits) {
    if (auto refusal = resolver.apply(edit)) return std::move(*refusal);
  }
  Resolved out = resolver.take();
  const size_t before =
      static_cast<size_t>(std::count_if(live.entries().begin(), live.entries().end(),
                                        [](const auto& one) { return !one.second.object->is_from_file(); }));
  // Objects that are too many, because they have come from an earlier version, can be deleted step by step.
  if (out.objects.size() > std::max(kMaxApiObjects, before))
    return refused_at("", too_many(out.objects.size()));
  return out;
}

std::variant<std::vector<Edit>, Refusal> edits_for(const LiveObjects& live, const SharedJson& document,
                                                   Others others) {
  if (!document->is_object())
    return refused_at("", "expected kinds and their objects, as {\"routes\": [...]}");
  std::vector<Edit> out;
  for (const auto& [key, value] : document->items()) {
    if (key == "version" && value == 1) continue;
    const ObjectKind* const kind = config::find_object_kind(key);
    std::string path = "/";
    append_pointer_token(path, key);
    if (kind == nullptr)
      return refused_at(path, "`" + key +
                                  "` is not a kind of objects: settings of a node stay in its own file, and "
                                  "do not go through the API");
    if (auto refusal = put_all(document, *kind, value, out)) return std::move(*refusal);
  }
  if (others == Others::kKept) return out;
  std::vector<ObjectId> removed;
  {
    std::vector<const ObjectId*> named;
    named.reserve(out.size());
    for (const Edit& one : out) named.push_back(&one.id);
    if (!std::is_sorted(named.begin(), named.end(), InOrder()))
      std::sort(named.begin(), named.end(), InOrder());
    auto next = named.begin();
    for (const auto& [id, entry] : live.entries()) {
      while (next != named.end() && **next < id) ++next;
      const bool is_named = next != named.end() && **next == id;
      if (!is_named && !entry.object->is_from_file()) removed.push_back(id);
    }
  }
  for (ObjectId& id : removed) out.push_back({.what = Edit::What::kDelete, .id = std::move(id)});
  return out;
}

DeriveEdits derive_edits(SharedJson document, Others others) {
  return [document = std::move(document), others](const LiveObjects& live) {
    return edits_for(live, document, others);
  };
}

}  // namespace portcullis::control
