#include "cache/disk_head.h"

#include <nlohmann/json.hpp>
#include <xxhash.h>

#include <cstring>

#include "cache/disk_file.h"

namespace portcullis::cache {

using nlohmann::json;
using std::chrono::milliseconds;

namespace {

constexpr std::string_view kMark = "portcullis-1\n";  // changes with the format
constexpr size_t kPreamble = kMark.size() + sizeof(XXH64_canonical_t);

json of_duration(const std::optional<milliseconds>& one) {
  return one ? json(one->count()) : json();
}

std::optional<milliseconds> as_duration(const json& one) {
  if (one.is_null()) return std::nullopt;
  return milliseconds(one.get<int64_t>());
}

}  // namespace

DiskHead DiskHead::of(const Entry& entry, std::string_view key, std::string_view uri) {
  DiskHead out{.key = std::string(key), .uri = std::string(uri)};
  http::ResponseHead head;
  entry.head.write(head);
  out.status = head.status;
  out.reason = head.reason;
  for (const http::Field& field : head.fields) out.fields.emplace_back(field.name, field.value);
  out.vary = entry.vary;
  out.selecting = entry.selecting;
  out.born = entry.told_age.born();
  out.lifetime = milliseconds(entry.lifetime.load(std::memory_order_relaxed));
  out.always_validate = entry.always_validate;
  out.stale = entry.stale;
  out.tags = entry.tags;
  return out;
}

std::shared_ptr<Entry> DiskHead::revive() const {
  http::Fields all;
  for (const auto& [name, value] : fields) {
    if (!all.add(name, value)) return nullptr;
  }
  auto entry = std::make_shared<Entry>(status, reason, all);
  entry->vary = vary;
  entry->selecting = selecting;
  entry->told_age = Age(born);
  entry->lifetime = lifetime.count();
  entry->always_validate = always_validate;
  entry->stale = stale;
  entry->tags = tags;
  return entry;
}

std::string write_disk_head(const DiskHead& head) {
  const json all{{"key", head.key},
                 {"uri", head.uri},
                 {"status", head.status},
                 {"reason", head.reason},
                 {"fields", head.fields},
                 {"vary", head.vary.names},
                 {"vary_any", head.vary.any},
                 {"selecting", head.selecting},
                 {"born", head.born.time_since_epoch().count()},
                 {"lifetime", head.lifetime.count()},
                 {"always_validate", head.always_validate},
                 {"never_stale", head.stale.never},
                 {"not_stale_on_request", head.stale.not_on_request},
                 {"while_revalidating", of_duration(head.stale.while_revalidating)},
                 {"if_error", of_duration(head.stale.if_error)},
                 {"tags", head.tags},
                 {"length", head.length},
                 {"sums", head.sums}};
  std::string text;
  json::to_cbor(all, text);
  return seal_disk_head(text);
}

std::string seal_disk_head(std::string_view rest) {
  XXH64_canonical_t sum;
  XXH64_canonicalFromHash(&sum, XXH3_64bits(rest.data(), rest.size()));
  std::string out(kMark);
  out.append(reinterpret_cast<const char*>(&sum), sizeof sum);
  out += rest;
  return out;
}

std::optional<DiskHead> read_disk_head(std::string_view text) {
  if (text.size() < kPreamble || !text.starts_with(kMark)) return std::nullopt;
  const std::string_view rest = text.substr(kPreamble);
  XXH64_canonical_t sum;
  std::memcpy(&sum, text.data() + kMark.size(), sizeof sum);
  if (XXH64_hashFromCanonical(&sum) != XXH3_64bits(rest.data(), rest.size())) return std::nullopt;
  // The JSON library throws when a value has the wrong type; this is not the data path.
  try {
    const json all = json::from_cbor(rest.begin(), rest.end());
    DiskHead out;
    all.at("key").get_to(out.key);
    all.at("uri").get_to(out.uri);
    all.at("status").get_to(out.status);
    all.at("reason").get_to(out.reason);
    all.at("fields").get_to(out.fields);
    all.at("vary").get_to(out.vary.names);
    all.at("vary_any").get_to(out.vary.any);
    all.at("selecting").get_to(out.selecting);
    out.born = Time(milliseconds(all.at("born").get<int64_t>()));
    out.lifetime = milliseconds(all.at("lifetime").get<int64_t>());
    all.at("always_validate").get_to(out.always_validate);
    all.at("never_stale").get_to(out.stale.never);
    all.at("not_stale_on_request").get_to(out.stale.not_on_request);
    out.stale.while_revalidating = as_duration(all.at("while_revalidating"));
    out.stale.if_error = as_duration(all.at("if_error"));
    all.at("tags").get_to(out.tags);
    all.at("length").get_to(out.length);
    all.at("sums").get_to(out.sums);
    if (out.sums.size() != DiskFile::chunks_of(out.length)) return std::nullopt;
    return out;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

}  // namespace portcullis::cache
