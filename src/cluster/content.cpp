#include "cluster/content.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <map>

#include "base/json_text.h"
#include "cluster/packed.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "etcd/encoding.h"

namespace portcullis::cluster {
namespace {

using nlohmann::json;

constexpr size_t kUsual = 32;         // objects in a bucket
constexpr size_t kMaxBuckets = 8192;  // so that a header stays below the size of a request

bool by_name(const SealedObject* a, const SealedObject* b) {
  return a->id < b->id;
}

std::map<store::ObjectName, const SealedObject*> objects_outside(const Content& content,
                                                                 const Content& other) {
  std::map<store::ObjectName, const SealedObject*> out;
  const bool aligned = content.buckets.size() == other.buckets.size();
  for (size_t i = 0; i < content.buckets.size(); ++i) {
    if (aligned && content.buckets[i]->part == other.buckets[i]->part) continue;
    for (const SealedObject& object : content.buckets[i]->objects) out.emplace(object.id, &object);
  }
  return out;
}

}  // namespace

ContentPtr no_content() {
  auto out = std::make_shared<Content>();
  out->header.revision.number = 0;
  out->header.revision.parent = 0;
  out->header.revision.hash = crypto::hex_encode(crypto::text_of(crypto::sha256({})));
  return out;
}

size_t bucket_count(size_t objects, size_t present) {
  if (present != 0 && objects <= present * kUsual * 4 && (present == 1 || objects >= present * kUsual / 4))
    return present;
  return std::min(std::bit_ceil(std::max<size_t>(objects / kUsual, 1)), kMaxBuckets);
}

size_t bucket_of(const store::ObjectName& id, size_t buckets) {
  const crypto::Digest256 digest = crypto::sha256(id.kind + '\0' + id.name);
  return (static_cast<size_t>(digest[0]) << 8 | digest[1]) % buckets;
}

std::string packed_header(const Header& header) {
  const store::Revision& revision = header.revision;
  json parts = json::array();
  for (const PartName& part : header.parts) parts.push_back(json::array({part.hash, part.packed}));
  return pack(json_text(json{{"number", revision.number},
                             {"time", revision.time.time_since_epoch().count()},
                             {"author", revision.author},
                             {"message", revision.message},
                             {"parent", revision.parent},
                             {"hash", revision.hash},
                             {"summary", revision.summary},
                             {"publication", header.publication},
                             {"parts", std::move(parts)}}));
}

Result<Header> unpacked_header(std::string_view bytes) {
  const Result<std::string> text = unpack(bytes);
  if (!text) return text.error();
  const json value = json::parse(*text, nullptr, false);
  const json& parts = etcd::member_at(value, "parts");
  if (!parts.is_array() || parts.size() > kMaxBuckets) return Error{"the header of a revision is damaged"};
  Header out{
      .revision = {.number = etcd::number_at(value, "number"),
                   .time = std::chrono::sys_seconds(std::chrono::seconds(etcd::number_at(value, "time"))),
                   .author = etcd::text_at(value, "author"),
                   .message = etcd::text_at(value, "message"),
                   .parent = etcd::number_at(value, "parent"),
                   .hash = etcd::text_at(value, "hash"),
                   .summary = etcd::text_at(value, "summary"),
                   .tags = {}},
      .publication = etcd::text_at(value, "publication"),
      .parts = {}};
  for (const json& part : parts) {
    if (!part.is_array() || part.size() != 2 || !part[0].is_string() || !part[1].is_number_unsigned() ||
        part[1].get<size_t>() > kMaxUnpacked)
      return Error{"the header of a revision is damaged"};
    out.parts.push_back({part[0].get<std::string>(), part[1].get<size_t>()});
  }
  return out;
}

PackedBucket pack_bucket(std::vector<SealedObject> objects) {
  PackedBucket out;
  PartName part;
  if (!objects.empty()) {
    out.bytes = pack(lines_of(objects));
    part = {crypto::hex_encode(crypto::text_of(crypto::sha256(out.bytes))), out.bytes.size()};
  }
  out.bucket = std::make_shared<const Bucket>(Bucket{std::move(part), std::move(objects)});
  return out;
}

Result<std::shared_ptr<const Bucket>> bucket_from(const PartName& part, std::string_view packed) {
  if (packed.size() != part.packed ||
      crypto::hex_encode(crypto::text_of(crypto::sha256(packed))) != part.hash)
    return Error{"part " + part.hash + " in etcd is damaged: restore etcd from a backup, or publish again"};
  const Result<std::string> text = unpack(packed);
  if (!text) return Error{"part " + part.hash + ": " + text.error().message};
  auto objects = objects_from_lines(*text);
  if (!objects) return objects.error();
  return std::make_shared<const Bucket>(Bucket{part, std::move(*objects)});
}

std::vector<const SealedObject*> objects_of(const Content& content) {
  std::vector<const SealedObject*> out;
  for (const auto& bucket : content.buckets) {
    for (const SealedObject& object : bucket->objects) out.push_back(&object);
  }
  std::sort(out.begin(), out.end(), by_name);
  return out;
}

const SealedObject* find_object(const Content& content, const store::ObjectName& id) {
  if (content.buckets.empty()) return nullptr;
  const auto& objects = content.buckets[bucket_of(id, content.buckets.size())]->objects;
  const auto found = std::find_if(objects.begin(), objects.end(),
                                  [&](const SealedObject& object) { return object.id == id; });
  return found == objects.end() ? nullptr : &*found;
}

Difference difference(const Content& from, const Content& to) {
  Difference out;
  auto before = objects_outside(from, to);
  for (const auto& [id, object] : objects_outside(to, from)) {
    const auto old = before.find(id);
    if (old == before.end() || old->second->digest != object->digest) out.put.push_back(object);
    if (old != before.end()) before.erase(old);
  }
  for (const auto& [id, object] : before) out.removed.push_back(id);
  return out;
}

}  // namespace portcullis::cluster
