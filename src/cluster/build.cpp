#include "cluster/build.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "store/summary.h"

namespace portcullis::cluster {
namespace {

// What becomes of each object that is named. Nothing: it goes.
using Edits = std::map<store::ObjectName, std::optional<SealedObject>>;

// The edits, without those that change nothing: an object that is the same keeps its encrypted form, and so
// its bucket keeps its part.
struct Edited {
  Edits edits;
  std::optional<store::Unusable> unusable;
};

Edited edits_of(const BuildRequest& request, const Keys& keys, uint64_t number) {
  Edited out;
  std::set<store::ObjectName> named;
  for (const store::ObjectName& id : request.changes.remove) {
    if (!named.insert(id).second) out.unusable = store::Unusable{id, "the object is named twice"};
    if (find_object(*request.newest, id) != nullptr) out.edits[id] = std::nullopt;
  }
  for (const store::Object& object : request.changes.put) {
    if (!named.insert(object.id).second)
      out.unusable = store::Unusable{object.id, "the object is named twice"};
    if (out.unusable) return out;
    auto sealed = seal(object, keys, number);
    if (!sealed) {
      out.unusable = store::Unusable{object.id, sealed.error().message};
      return out;
    }
    const SealedObject* present = find_object(*request.newest, object.id);
    if (present == nullptr || present->digest != sealed->digest) out.edits[object.id] = std::move(*sealed);
  }
  if (request.scope == Scope::kWhole) {
    for (const SealedObject* object : objects_of(*request.newest)) {
      if (!named.contains(object->id)) out.edits[object->id] = std::nullopt;
    }
  }
  return out;
}

size_t count_after(const Content& newest, const Edits& edits) {
  size_t count = 0;
  for (const auto& bucket : newest.buckets) count += bucket->objects.size();
  for (const auto& [id, sealed] : edits) {
    const bool is_there = find_object(newest, id) != nullptr;
    if (sealed && !is_there) ++count;
    if (!sealed && is_there) --count;
  }
  return count;
}

// The objects of bucket `index` after the edits, in the order of their names.
std::vector<SealedObject> edited_bucket(const Bucket& before,
                                        const std::vector<const Edits::value_type*>& edits) {
  std::map<store::ObjectName, SealedObject> objects;
  for (const SealedObject& object : before.objects) objects.emplace(object.id, object);
  for (const auto* edit : edits) {
    objects.erase(edit->first);
    if (edit->second) objects.emplace(edit->first, *edit->second);
  }
  std::vector<SealedObject> out;
  out.reserve(objects.size());
  for (auto& [id, object] : objects) out.push_back(std::move(object));
  return out;
}

void add_bucket(PackedBucket packed, Content& content, Built& built) {
  const PartName& part = packed.bucket->part;
  if (!part.hash.empty()) built.parts.push_back({part.hash, std::move(packed.bytes)});
  content.header.parts.push_back(part);
  content.buckets.push_back(std::move(packed.bucket));
}

void edit_buckets(const Content& newest, const Edits& edits, Content& content, Built& built) {
  std::vector<std::vector<const Edits::value_type*>> by_bucket(newest.buckets.size());
  for (const auto& edit : edits) by_bucket[bucket_of(edit.first, by_bucket.size())].push_back(&edit);
  for (size_t i = 0; i < by_bucket.size(); ++i) {
    if (by_bucket[i].empty()) {
      content.header.parts.push_back(newest.header.parts[i]);
      content.buckets.push_back(newest.buckets[i]);
    } else {
      add_bucket(pack_bucket(edited_bucket(*newest.buckets[i], by_bucket[i])), content, built);
    }
  }
}

void rebuild_buckets(const Content& newest, const Edits& edits, size_t count, Content& content,
                     Built& built) {
  std::map<store::ObjectName, SealedObject> objects;
  for (const SealedObject* object : objects_of(newest)) objects.emplace(object->id, *object);
  for (const auto& [id, sealed] : edits) {
    objects.erase(id);
    if (sealed) objects.emplace(id, *sealed);
  }
  std::vector<std::vector<SealedObject>> buckets(count);
  for (auto& [id, object] : objects) buckets[bucket_of(id, count)].push_back(std::move(object));
  for (auto& bucket : buckets) add_bucket(pack_bucket(std::move(bucket)), content, built);
}

// As the store on disk makes the hash of a revision: of the digests of its objects, in the order of names.
std::string hash_of(const Content& content) {
  std::string digests;
  for (const SealedObject* object : objects_of(content)) digests += object->digest;
  return crypto::hex_encode(crypto::text_of(crypto::sha256(digests)));
}

std::string summary_of(const Content& parent, const Content& content) {
  store::Summary summary;
  const Difference differs = difference(parent, content);
  for (const SealedObject* object : differs.put) {
    if (find_object(parent, object->id) == nullptr) {
      summary.add(object->id);
    } else {
      summary.change(object->id);
    }
  }
  for (const store::ObjectName& id : differs.removed) summary.remove(id);
  return summary.text();
}

}  // namespace

Result<BuildOutcome> build(const BuildRequest& request, const Keys& keys) {
  const Content& newest = *request.newest;
  const uint64_t number = newest.header.revision.number + 1;
  const Edited edited = edits_of(request, keys, number);
  if (edited.unusable) return BuildOutcome(*edited.unusable);

  auto content = std::make_shared<Content>();
  Built built;
  const size_t buckets = bucket_count(count_after(newest, edited.edits), newest.buckets.size());
  if (buckets == newest.buckets.size()) {
    edit_buckets(newest, edited.edits, *content, built);
  } else {
    rebuild_buckets(newest, edited.edits, buckets, *content, built);
  }
  const Content& parent = *request.parent;
  const store::Draft& draft = request.draft;
  content->header.publication = request.publication;
  content->header.revision = {.number = number,
                              .time = draft.time,
                              .author = draft.author,
                              .message = draft.message,
                              .parent = parent.header.revision.number,
                              .hash = hash_of(*content),
                              .summary = summary_of(parent, *content),
                              .tags = {}};
  if (content->header.revision.hash == parent.header.revision.hash)
    return BuildOutcome(store::Unchanged{parent.header.revision.number});
  built.content = std::move(content);
  return BuildOutcome(std::move(built));
}

}  // namespace portcullis::cluster
