#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/intrusive_list.h"
#include "cache/body.h"
#include "cache/freshness.h"
#include "cache/vary.h"
#include "http/conditions.h"
#include "http/message.h"

namespace portcullis::cache {

// The head of a stored response. Immutable.
class StoredHead {
 public:
  StoredHead(uint16_t status, std::string_view reason, const http::Fields& fields);
  StoredHead(const StoredHead&) = delete;
  StoredHead& operator=(const StoredHead&) = delete;

  uint16_t status() const { return status_; }
  // Sets the status, the reason and the fields of `out`; the views are valid as long as this object.
  void write(http::ResponseHead& out) const;
  std::string_view value_of(http::FieldId id) const;
  const http::Validators& validators() const { return validators_; }
  size_t size() const { return text_.size() + fields_.size() * sizeof(http::Field); }

 private:
  uint16_t status_;
  std::string text_;
  std::string_view reason_;
  std::vector<http::Field> fields_;
  http::Validators validators_;
};

struct Entry;
struct Slot;

// The position of an entry in the store. The store accesses it under the shard's lock, or, for an entry on
// disk, under the disk queue's lock. The hashes are set before other threads see the entry.
struct Place : ListNode<Place> {
  enum class Queue : uint8_t { kNone, kSmall, kMain };

  explicit Place(const Entry& its_entry) : entry(its_entry) {}
  const Entry& entry;
  uint64_t hash = 0;  // hash of the key's text
  uint64_t uri_hash = 0;
  Slot* slot = nullptr;  // null when the entry is not in the store
  Queue queue = Queue::kNone;
  size_t cost = 0;
};

// A stored response. Immutable, except for the record of its use; shared by all exchanges that send it.
struct Entry : std::enable_shared_from_this<Entry> {
  Entry(uint16_t status, std::string_view reason, const http::Fields& fields)
      : head(status, reason, fields) {}

  // The approximate memory of the entry, without its body.
  size_t head_cost() const { return kOverhead + head.size() + selecting.size(); }
  std::chrono::milliseconds age(Time moment) const { return told_age.at(moment); }
  // The time since the response became stale; negative while it is fresh.
  std::chrono::milliseconds staleness(Time moment) const {
    return age(moment) - std::chrono::milliseconds(lifetime.load(std::memory_order_relaxed));
  }
  void note_use() const {
    const uint8_t used = uses.load(std::memory_order_relaxed);
    if (used < kMaxUses) uses.store(used + 1, std::memory_order_relaxed);
  }

  StoredHead head;
  std::shared_ptr<Body> body;
  Vary vary{};
  std::string selecting{};  // the request's values of the fields in `vary`
  Age told_age{};
  mutable std::atomic<int64_t> lifetime{0};  // milliseconds; a soft purge sets it to expire the entry
  bool always_validate = false;              // the response has no-cache
  Staleness stale{};
  std::vector<uint64_t> tags{};  // hashes of the surrogate keys

  mutable std::atomic<uint8_t> uses{0};  // recent uses, for eviction
  mutable Place place{*this};

 private:
  static constexpr uint8_t kMaxUses = 3;
  static constexpr size_t kOverhead = 640;  // nodes in lists and maps, and the entry itself
};

using EntryPointer = std::shared_ptr<const Entry>;
using Variants = std::vector<EntryPointer>;  // newest last

// The newest variant that matches the request, or null (RFC 9111 section 4.1).
EntryPointer select(const Variants& variants, const http::Fields& request);

}  // namespace portcullis::cache
