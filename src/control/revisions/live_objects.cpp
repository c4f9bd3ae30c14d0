#include "control/revisions/live_objects.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

#include "base/canonical_json.h"

namespace portcullis::control {

bool has_label(const nlohmann::json& object, const std::string& key, const std::string& value) {
  const auto labels = object.is_object() ? object.find("labels") : object.end();
  if (labels == object.end() || !labels->is_object() || !labels->contains(key)) return false;
  const nlohmann::json& its = labels->at(key);
  if (its.is_string()) return its == value;
  const auto text = canonical_json(its);
  return text && *text == value;
}

ObjectId id_of(const config::Object& object) {
  return {object.kind, object.name};
}

store::Object stored_form_of(const config::Object& object) {
  return {.id = {std::string(object.kind->key), object.name},
          .json = object.json,
          .secrets = object.secrets,
          .owner = object.is_from_file() ? store::Owner::kFile : store::Owner::kApi,
          .is_canonical = true};
}

std::optional<config::Object> object_of(const store::StoredObject& stored) {
  const store::Object& object = stored.object;
  const ObjectKind* const kind = config::find_object_kind(object.id.kind);
  if (kind == nullptr) return std::nullopt;
  // A position in the API; objects of files get theirs when the files are read.
  const config::Location place{config::FileName::unshared(config::title_of(*kind, object.id.name)), 1,
                               object.owner == store::Owner::kApi ? size_t{0} : size_t{1}};
  return config::Object{.kind = kind,
                        .name = object.id.name,
                        .json = object.json,
                        .secrets = object.secrets,
                        .location = place};
}

LiveObjects::Entries::const_iterator LiveObjects::lower_bound(const ObjectId& id) const {
  return std::lower_bound(entries_.begin(), entries_.end(), id,
                          [](const auto& entry, const ObjectId& wanted) { return entry.first < wanted; });
}

const LiveObjects::Entry* LiveObjects::find(const ObjectId& id) const {
  const auto found = lower_bound(id);
  return found != entries_.end() && found->first == id ? &found->second : nullptr;
}

std::vector<ObjectPointer> LiveObjects::of_api() const {
  std::vector<ObjectPointer> out;
  for (const auto& [id, entry] : entries_) {
    if (!entry.object->is_from_file()) out.push_back(entry.object);
  }
  return out;
}

std::vector<ObjectPointer> LiveObjects::of_files() const {
  std::vector<ObjectPointer> out;
  std::copy_if(document_.objects.begin(), document_.objects.end(), std::back_inserter(out),
               [](const ObjectPointer& one) { return one->is_from_file(); });
  return out;
}

namespace {

bool is_same(const config::Object& a, const config::Object& b) {
  return &a == &b || (a.json == b.json && a.secrets == b.secrets && a.is_from_file() == b.is_from_file());
}

bool is_before(const ObjectPointer* a, const ObjectPointer* b) {
  return (*a)->kind != (*b)->kind ? (*a)->kind < (*b)->kind : (*a)->name < (*b)->name;
}

// The objects in the order of ObjectId. In a document they are by kind, and those of the API by name.
std::vector<const ObjectPointer*> in_order(const std::vector<ObjectPointer>& objects) {
  std::vector<const ObjectPointer*> out;
  out.reserve(objects.size());
  for (const ObjectKind& kind : config::object_kinds()) {
    const auto begin = static_cast<ptrdiff_t>(out.size());
    for (const ObjectPointer& object : objects) {
      if (object->kind == &kind) out.push_back(&object);
    }
    if (!std::is_sorted(out.begin() + begin, out.end(), is_before))
      std::sort(out.begin() + begin, out.end(), is_before);
  }
  return out;
}

bool is_id_of(const ObjectId& id, const config::Object& object) {
  return id.kind == object.kind && id.name == object.name;
}

bool is_before(const ObjectId& id, const config::Object& object) {
  return id.kind != object.kind ? id.kind < object.kind : id.name < object.name;
}

}  // namespace

store::Changes LiveObjects::changes_to(const config::ObjectDocument& next, Whose whose) const {
  store::Changes out;
  const auto counts = [whose](const config::Object& object) {
    return whose == Whose::kAll || !object.is_from_file();
  };
  auto before = entries_.begin();
  const auto removed = [&](const Entries::value_type& entry) {
    if (counts(*entry.second.object))
      out.remove.push_back({std::string(entry.first.kind->key), entry.first.name});
  };
  for (const ObjectPointer* const object : in_order(next.objects)) {
    if (!counts(**object)) continue;
    if (before != entries_.end() && before->second.object == *object) {
      ++before;
      continue;
    }
    for (; before != entries_.end() && is_before(before->first, **object); ++before) removed(*before);
    const bool known = before != entries_.end() && is_id_of(before->first, **object);
    if (!known || !is_same(*before->second.object, **object)) out.put.push_back(stored_form_of(**object));
    if (known) ++before;
  }
  for (; before != entries_.end(); ++before) removed(*before);
  return out;
}

void LiveObjects::replace(config::ObjectDocument next, uint64_t number) {
  Entries entries;
  entries.reserve(next.objects.size());
  auto before = entries_.begin();
  for (const ObjectPointer* const object : in_order(next.objects)) {
    if (before != entries_.end() && before->second.object == *object) {
      entries.push_back(std::move(*before++));
      continue;
    }
    while (before != entries_.end() && is_before(before->first, **object)) ++before;
    const bool same = before != entries_.end() && is_id_of(before->first, **object) &&
                      is_same(*before->second.object, **object);
    entries.emplace_back(id_of(**object), Entry{*object, same ? before->second.revision : number});
  }
  entries_ = std::move(entries);
  document_ = std::move(next);
}

void LiveObjects::follow(config::ObjectDocument next, uint64_t number, const LiveObjects& stored) {
  entries_ = stored.entries_;
  replace(std::move(next), number);
}

std::set<ObjectId> LiveObjects::differences(const LiveObjects& other) const {
  std::set<ObjectId> out;
  for (const auto& [id, entry] : entries_) {
    const Entry* const its = other.find(id);
    if (its == nullptr || its->object->json != entry.object->json) out.insert(id);
  }
  for (const auto& [id, entry] : other.entries_) {
    if (find(id) == nullptr) out.insert(id);
  }
  return out;
}

void LiveObjects::share(const LiveObjects& other) {
  auto its = other.entries_.begin();
  for (auto& [id, entry] : entries_) {
    while (its != other.entries_.end() && its->first < id) ++its;
    if (its != other.entries_.end() && its->first == id && is_same(*its->second.object, *entry.object))
      entry.object = its->second.object;
  }
}

void LiveObjects::begin(const std::vector<store::StoredObject>& objects) {
  for (const store::StoredObject& stored : objects) {
    if (auto object = object_of(stored)) {
      ObjectId id = id_of(*object);
      entries_.emplace_back(std::move(id),
                            Entry{std::make_shared<config::Object>(std::move(*object)), stored.revision});
    }
  }
  std::sort(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
}

Result<LiveObjects> stored_objects(store::Store& store, uint64_t number) {
  const auto found = store.objects(number);
  if (!found) return found.error();
  LiveObjects out;
  if (const auto* objects = std::get_if<std::vector<store::StoredObject>>(&*found)) out.begin(*objects);
  return out;
}

}  // namespace portcullis::control
