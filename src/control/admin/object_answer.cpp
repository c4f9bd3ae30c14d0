#include "control/admin/object_answer.h"

#include <algorithm>
#include <utility>

#include "config/yaml_writer.h"
#include "control/admin/change_answer.h"
#include "control/admin/documents.h"
#include "control/admin/problem.h"
#include "control/revisions/object_diff.h"

namespace portcullis::control {
namespace {

using nlohmann::json;

// The object as the API shows it, with where it comes from.
json describe_object(const LiveObjects::Entry& entry) {
  json out = shown(*entry.object);
  if (!out.is_object()) return out;
  const config::Location& place = entry.object->location;
  if (entry.object->is_from_file()) {
    out["_origin"] = {{"from", "file"}, {"file", place.file.text()}, {"line", place.line()}};
  } else if (entry.revision == 0) {
    out["_origin"] = {{"from", "draft"}};
  } else {
    out["_origin"] = {{"from", "api"}, {"revision", entry.revision}};
  }
  return out;
}

// The labels that `?label=` asks for; each is `key:value`. Nothing when one has another form.
std::optional<std::vector<std::pair<std::string, std::string>>> labels_of(const CallRequest& request) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const std::string& one : request.all_parameters("label")) {
    const size_t colon = one.find(':');
    if (colon == std::string::npos) return std::nullopt;
    out.emplace_back(one.substr(0, colon), one.substr(colon + 1));
  }
  return out;
}

bool has_labels(const json& object, const std::vector<std::pair<std::string, std::string>>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(),
                     [&](const auto& one) { return has_label(object, one.first, one.second); });
}

// All objects as one document.
json document_with(const std::vector<ObjectPointer>& objects) {
  json out{{"version", 1}};
  for (const ObjectPointer& object : objects) {
    json value = shown(*object);
    if (object->kind->is_single) {
      out[std::string(object->kind->key)] = std::move(value);
    } else {
      out[std::string(object->kind->key)].push_back(std::move(value));
    }
  }
  return out;
}

}  // namespace

ServerAnswer answer_list(const CallRequest& request, const LiveObjects& objects, const ObjectKind& kind) {
  const auto limit = number_of(request, "limit", kDefaultPage);
  if (!limit || *limit == 0) return refuse_call(400, "`limit` is not a number from 1 on");
  const auto labels = labels_of(request);
  if (!labels) return refuse_call(400, "`label` is written `label=KEY:VALUE`");
  const LiveObjects::Entries& entries = objects.entries();
  const auto after = request.parameter("after");
  auto entry = objects.lower_bound({&kind, after.value_or("")});
  if (after && entry != entries.end() && entry->first == ObjectId{&kind, *after}) ++entry;
  json out{{"items", json::array()}};
  for (; entry != entries.end() && entry->first.kind == &kind; ++entry) {
    json one = describe_object(entry->second);
    if (!has_labels(one, *labels)) continue;
    if (out["items"].size() == std::min(*limit, kMaxPage)) {
      out["next"] = out["items"].back()["name"];
      break;
    }
    out["items"].push_back(std::move(one));
  }
  return document_answer(request, out);
}

ServerAnswer refuse_unknown_object(const ObjectId& id) {
  return refuse_call(404, id.kind->is_single
                              ? "there is no object `" + id.title() + "`"
                              : "there is no " + std::string(id.kind->noun) + " `" + id.name + "`");
}

ServerAnswer answer_object(const Publisher& publisher, const CallRequest& request, const LiveObjects& objects,
                           const ObjectId& id) {
  const LiveObjects::Entry* const entry = objects.find(id);
  if (entry == nullptr) {
    return id.kind->is_single ? document_answer(request, json::array()) : refuse_unknown_object(id);
  }
  const std::string tag = publisher.tag_of(*entry->object);
  const std::vector<std::string> known = weak_tags_of(request.field("if-none-match"));
  const bool same = std::any_of(known.begin(), known.end(),
                                [&](const std::string& one) { return one == "*" || one == tag; });
  if (same) return {.status = 304, .content_type = "", .fields = "etag: " + tag + "\r\n"};
  return document_answer(request, describe_object(*entry), 200, "etag: " + tag + "\r\n");
}

ServerAnswer answer_written(const Publisher& publisher, const CallRequest& request,
                            const LiveObjects& objects, const ObjectId& id, Before before) {
  const LiveObjects::Entry* const entry = objects.find(id);
  if (entry == nullptr) return {.status = 204, .content_type = ""};
  return document_answer(request, describe_object(*entry), before == Before::kThere ? 200 : 201,
                         "etag: " + publisher.tag_of(*entry->object) + "\r\n");
}

ServerAnswer answer_config(const CallRequest& request, const std::vector<ObjectPointer>& objects) {
  const auto format = request.parameter("format");
  if (format && *format != "yaml" && *format != "json")
    return refuse_call(400, "`format` is `json` or `yaml`");
  const json document = document_with(objects);
  ServerAnswer out = document_answer(request, document);
  if (format && *format == "yaml") {
    out.content_type = media_type::kYaml;
    out.body = config::yaml_of_json(document);
  }
  return out;
}

// The edit of one object, with the preconditions of the request.
Edit edit_of(const CallRequest& request, Edit::What what, ObjectId id, json value) {
  return {.what = what,
          .id = std::move(id),
          .value = std::make_shared<const json>(std::move(value)),
          .preconditions = {.if_match = tags_of(request.field("if-match")),
                            .if_none_match = weak_tags_of(request.field("if-none-match"))}};
}

}  // namespace portcullis::control
