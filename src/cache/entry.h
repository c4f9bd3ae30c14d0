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

// The head of a response as it is kept. Immutable.
class StoredHead {
 public:
  StoredHead(uint16_t status, std::string_view reason, const http::Fields& fields);
  StoredHead(const StoredHead&) = delete;
  StoredHead& operator=(const StoredHead&) = delete;

  uint16_t status() const { return status_; }
  // Sets status, reason and fields; their views live as long as this.
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

// Where the store has an entry. The store's, under its shard's lock, or for one on disk its queue's, but for
// the hashes, which are set before others know the entry.
struct Place : ListNode<Place> {
  enum class Queue : uint8_t { kNone, kSmall, kMain };

  explicit Place(const Entry& its_entry) : entry(its_entry) {}
  const Entry& entry;
  uint64_t hash = 0;  // of what it is kept under
  uint64_t uri_hash = 0;
  Slot* slot = nullptr;  // null: it has been taken out, or was never in
  Queue queue = Queue::kNone;
  size_t cost = 0;
};

// One stored response. Immutable, except for what is noted of its use; shared by those who send it.
struct Entry : std::enable_shared_from_this<Entry> {
  Entry(uint16_t status, std::string_view reason, const http::Fields& fields)
      : head(status, reason, fields) {}

  // About what it takes, without its body.
  size_t head_cost() const { return kOverhead + head.size() + selecting.size(); }
  std::chrono::milliseconds age(Time moment) const { return told_age.at(moment); }
  // How long it has been stale; negative while it is fresh.
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
  std::string selecting{};  // what the request said there
  Age told_age{};
  mutable std::atomic<int64_t> lifetime{0};  // milliseconds; a soft purge ends it
  bool always_validate = false;              // no-cache
  Staleness stale{};
  std::vector<uint64_t> tags{};  // hashes of its surrogate keys

  mutable std::atomic<uint8_t> uses{0};  // lately
  mutable Place place{*this};

 private:
  static constexpr uint8_t kMaxUses = 3;
  static constexpr size_t kOverhead = 640;  // its nodes in lists and maps, and this
};

using EntryPointer = std::shared_ptr<const Entry>;
using Variants = std::vector<EntryPointer>;  // newest last

// The newest that fits the request, or null (RFC 9111 section 4.1).
EntryPointer select(const Variants& variants, const http::Fields& request, Arena& arena);

}  // namespace portcullis::cache
