#include "control/revisions/draft.h"

#include <nlohmann/json.hpp>

#include <utility>

#include "base/json_text.h"
#include "control/revisions/object_diff.h"

namespace portcullis::control {
namespace {

using nlohmann::json;

json json_of(const ObjectPointer& object) {
  if (object == nullptr) return nullptr;
  return {{"json", object->json}, {"secrets", object->secrets}, {"file", object->is_from_file()}};
}

// The object that was written by json_of(); null for null.
ObjectPointer object_from(const json& text, const ObjectId& id) {
  if (text.is_null()) return nullptr;
  const size_t column = text.at("file").get<bool>() ? 1 : 0;  // 0 is a place in the API
  return std::make_shared<config::Object>(
      config::Object{.kind = id.kind,
                     .name = id.name,
                     .json = text.at("json").get<std::string>(),
                     .secrets = text.at("secrets").get<std::vector<std::string>>(),
                     .location = {config::FileName::unshared(id.title()), 1, column}});
}

std::chrono::sys_seconds time_at(const json& value, const char* member) {
  return std::chrono::sys_seconds(std::chrono::seconds(value.at(member).get<int64_t>()));
}

bool are_equal(const ObjectPointer& a, const ObjectPointer& b) {
  if (a == nullptr || b == nullptr) return a == b;
  return a->json == b->json && a->is_from_file() == b->is_from_file();
}

ObjectPointer live_object(const LiveObjects& live, const ObjectId& id) {
  const LiveObjects::Entry* const entry = live.find(id);
  return entry == nullptr ? nullptr : entry->object;
}

json shown_or_null(const ObjectPointer& object) {
  return object == nullptr ? json() : shown(*object);
}

}  // namespace

std::string text_of(const ObjectsDraft& draft) {
  json objects = json::array();
  for (const auto& [id, one] : draft.objects)
    objects.push_back({{"kind", id.kind->key},
                       {"name", id.name},
                       {"draft", json_of(one.draft)},
                       {"base", json_of(one.base)}});
  return json_text(json{{"author", draft.author},
                        {"time", draft.time.time_since_epoch().count()},
                        {"changed_by", draft.changed_by},
                        {"changed", draft.changed.time_since_epoch().count()},
                        {"objects", std::move(objects)}});
}

std::optional<ObjectsDraft> draft_of(const std::string& text) {
  try {
    const json value = json::parse(text);
    ObjectsDraft out{.author = value.at("author").get<std::string>(), .time = time_at(value, "time")};
    // Texts of earlier versions do not say who wrote last.
    const bool knows_last = value.contains("changed_by");
    out.changed_by = knows_last ? value.at("changed_by").get<std::string>() : out.author;
    out.changed = knows_last ? time_at(value, "changed") : out.time;
    for (const json& one : value.at("objects")) {
      const ObjectKind* const kind = config::find_object_kind(one.at("kind").get<std::string>());
      if (kind == nullptr) return std::nullopt;
      const ObjectId id{kind, one.at("name").get<std::string>()};
      out.objects[id] = {object_from(one.at("draft"), id), object_from(one.at("base"), id)};
    }
    return out;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

LiveObjects with_draft(const LiveObjects& live, const ObjectsDraft& draft) {
  // Objects of files come first, as in the document in force.
  config::ObjectDocument document{live.document().settings, live.of_files()};
  for (const ObjectPointer& one : live.of_api()) {
    if (!draft.objects.contains(id_of(*one))) document.objects.push_back(one);
  }
  for (const auto& [id, one] : draft.objects) {
    const ObjectPointer before = live_object(live, id);
    const bool is_of_file = before != nullptr && before->is_from_file();
    if (one.draft != nullptr && !is_of_file) document.objects.push_back(one.draft);
  }
  LiveObjects out;
  out.follow(std::move(document), 0, live);
  return out;
}

void write_into(ObjectsDraft& draft, const Resolved& change, const LiveObjects& live) {
  for (size_t i = 0; i < change.touched.size(); ++i) {
    const ObjectId& id = change.touched[i];
    const ObjectPointer before = live_object(live, id);
    if (are_equal(change.after[i], before)) {
      draft.objects.erase(id);
    } else {
      draft.objects[id] = {change.after[i], before};
    }
  }
}

std::vector<Edit> edits_of(const ObjectsDraft& draft) {
  std::vector<Edit> out;
  for (const auto& [id, one] : draft.objects) {
    Edit edit{
        .what = one.draft == nullptr ? Edit::What::kDelete : Edit::What::kPut, .id = id, .is_sent = false};
    if (one.draft != nullptr) {
      edit.value = std::make_shared<const json>(json::parse(one.draft->json, nullptr, false));
      edit.secrets = one.draft->secrets;
    }
    out.push_back(std::move(edit));
  }
  return out;
}

json conflicts_of(const ObjectsDraft& draft, const LiveObjects& live) {
  json out = json::array();
  for (const auto& [id, one] : draft.objects) {
    const ObjectPointer now = live_object(live, id);
    if (are_equal(now, one.base)) continue;
    out.push_back({{"kind", id.kind->word()},
                   {"name", id.name},
                   {"base", shown_or_null(one.base)},
                   {"live", shown_or_null(now)},
                   {"draft", shown_or_null(one.draft)}});
  }
  return out;
}

std::optional<Refusal> refuse_overtaken(const ObjectsDraft& draft, const LiveObjects& live) {
  json objects = conflicts_of(draft, live);
  if (objects.empty()) return std::nullopt;
  Refusal out{.status = 409,
              .title =
                  "objects of the draft have changed since they were written into it: write each of them "
                  "into the draft again, as it is to be now"};
  out.members["objects"] = std::move(objects);
  return out;
}

}  // namespace portcullis::control
