#include "cache/store.h"

#include <algorithm>
#include <mutex>
#include <random>
#include <unordered_map>

#include "base/hash.h"

namespace portcullis::cache {

using std::chrono::milliseconds;

namespace {

struct HashedText {
  std::string_view text;
  uint64_t hash;
  bool operator==(const HashedText& other) const { return hash == other.hash && text == other.text; }
};
struct HashOfIt {
  size_t operator()(const HashedText& one) const { return one.hash; }
};
template <typename T>
using ByText = std::unordered_map<HashedText, std::unique_ptr<T>, HashOfIt>;  // views of what T has

struct Uri {
  std::string text;
  uint64_t hash;
  IntrusiveList<Slot, Slot> slots;
};

}  // namespace

// What is known of one key. It is there while there is something.
struct Slot : ListNode<Slot> {
  std::string key;
  uint64_t hash = 0;
  Uri* uri = nullptr;
  std::shared_ptr<const Variants> variants;
  std::vector<std::shared_ptr<Fetch>> fetches;
};

struct Store::Shard {
  explicit Shard(size_t ghosts) : queue(ghosts) {}

  std::mutex mutex;
  ByText<Slot> slots;
  ByText<Uri> uris;
  S3Fifo queue;

  // Keys whose answers were for one request only, each until some moment. Bounded: a later one takes an
  // earlier one's place.
  struct Mark {
    uint64_t hash = 0;
    Time until{};
  };
  std::array<Mark, 512> unshared{};
};

class Store::Locked {
 public:
  explicit Locked(Shard& its_shard) : shard(its_shard), lock_(its_shard.mutex) {}

  Slot* find(const Key& key) const {
    const auto found = shard.slots.find({key.text, key.hash});
    return found == shard.slots.end() ? nullptr : found->second.get();
  }

  Slot& find_or_make(const Key& key) {
    if (Slot* slot = find(key)) return *slot;
    auto slot = std::make_unique<Slot>();
    slot->key = key.text;
    slot->hash = key.hash;
    auto at = shard.uris.find({key.uri, key.uri_hash});
    if (at == shard.uris.end()) {
      auto uri = std::make_unique<Uri>();
      uri->text = key.uri;
      uri->hash = key.uri_hash;
      const HashedText text{uri->text, uri->hash};
      at = shard.uris.emplace(text, std::move(uri)).first;
    }
    slot->uri = at->second.get();
    slot->uri->slots.push_back(*slot);
    Slot& made = *slot;
    shard.slots.emplace(HashedText{made.key, made.hash}, std::move(slot));
    return made;
  }

  void drop_fetch(const Key& key, const std::shared_ptr<Fetch>& fetch) {
    Slot* slot = find(key);
    if (slot == nullptr) return;
    std::erase(slot->fetches, fetch);
    forget_if_empty(*slot);
  }

  void forget_if_empty(Slot& slot) {
    if (slot.variants != nullptr || !slot.fetches.empty()) return;
    Uri& uri = *slot.uri;
    shard.slots.erase({slot.key, slot.hash});
    if (uri.slots.empty()) shard.uris.erase({uri.text, uri.hash});
  }

  // Is destroyed when the lock has been given back.
  void discard(std::shared_ptr<const Variants> variants) { discarded_.push_back(std::move(variants)); }

  Shard& shard;

 private:
  std::vector<std::shared_ptr<const Variants>> discarded_;
  std::unique_lock<std::mutex> lock_;
};

Store::Store(uint64_t most_bytes) : most_bytes_(most_bytes), seed_(std::random_device{}()) {
  const uint64_t ghosts = std::clamp<uint64_t>(most_bytes / kShards / 4096, 64, 64 << 10);
  for (auto& shard : shards_) shard = std::make_unique<Shard>(ghosts);
}

Store::~Store() = default;

Key Store::key(std::string_view text, std::string_view uri) const {
  return {text, uri, hash_bytes(text, seed_), hash_bytes(uri, seed_)};
}

uint64_t Store::hash_of_tag(std::string_view tag) const {
  return hash_bytes(tag, seed_);
}

Store::Found Store::find(const Key& key) const {
  Shard& shard = shard_of(key.uri_hash);
  const Locked locked(shard);
  if (const Slot* slot = locked.find(key); slot != nullptr && slot->variants != nullptr)
    return {slot->variants, false};
  const Shard::Mark& mark = shard.unshared[key.hash % shard.unshared.size()];
  return {nullptr, mark.hash == key.hash && now() < mark.until};
}

Store::Entered Store::enter(const Key& key, const std::shared_ptr<const Variants>& seen,
                            std::string_view selecting) {
  Locked locked(shard_of(key.uri_hash));
  Slot& slot = locked.find_or_make(key);
  if (slot.variants != seen) return {Entered::Kind::kChanged, nullptr};
  for (const std::shared_ptr<Fetch>& one : slot.fetches) {
    if (!one->alone_ && !one->outdated_ && one->selecting_ == selecting) return {Entered::Kind::kWait, one};
  }
  auto fetch = std::make_shared<Fetch>();
  fetch->selecting_ = selecting;
  fetch->purges_ = tag_purges_.load(std::memory_order_relaxed);
  slot.fetches.push_back(fetch);
  return {Entered::Kind::kBegin, std::move(fetch)};
}

std::shared_ptr<Fetch> Store::enter_alone(const Key& key) {
  auto fetch = std::make_shared<Fetch>();
  fetch->alone_ = true;
  fetch->purges_ = tag_purges_.load(std::memory_order_relaxed);
  Locked locked(shard_of(key.uri_hash));
  locked.find_or_make(key).fetches.push_back(fetch);
  return fetch;
}

void Store::stored(const Key& key, const std::shared_ptr<Fetch>& fetch, const std::shared_ptr<Entry>& entry) {
  entry->place.hash = hash_bytes(entry->selecting, key.hash);
  entry->place.uri_hash = key.uri_hash;
  {
    Locked locked(shard_of(key.uri_hash));
    Slot& slot = locked.find_or_make(key);
    std::erase(slot.fetches, fetch);
    const bool outdated = fetch->outdated_ || (!entry->tags.empty() &&
                                               fetch->purges_ != tag_purges_.load(std::memory_order_relaxed));
    if (outdated) {
      locked.forget_if_empty(slot);
    } else {
      auto variants = std::make_shared<Variants>();
      if (slot.variants) {
        bool has_surplus = slot.variants->size() >= kMostVariants;
        for (const EntryPointer& one : *slot.variants) {
          const bool replaced = one->vary == entry->vary && one->selecting == entry->selecting;
          if (replaced || has_surplus) {
            take_out(locked, *one);
            has_surplus = false;
          } else {
            variants->push_back(one);
          }
        }
      }
      variants->push_back(entry);
      locked.discard(std::exchange(slot.variants, std::move(variants)));
      entry->place.slot = &slot;
      entries_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  fetch->entry_ = entry;
  fetch->end(Fetch::Outcome::kStored);
  if (entry->body->state() == Body::State::kComplete) completed(*entry);
}

// The lists and the counts know it no more; the slot's variants are the caller's to change.
void Store::take_out(Locked& locked, const Entry& entry) {
  if (entry.place.slot == nullptr) return;
  entry.place.slot = nullptr;
  if (entry.place.queue != Place::Queue::kNone) bytes_.fetch_sub(entry.place.cost, std::memory_order_relaxed);
  locked.shard.queue.remove(entry.place);
  entries_.fetch_sub(1, std::memory_order_relaxed);
}

void Store::not_shared(const Key& key, const std::shared_ptr<Fetch>& fetch, milliseconds remember) {
  {
    Locked locked(shard_of(key.uri_hash));
    locked.drop_fetch(key, fetch);
    auto& marks = locked.shard.unshared;
    marks[key.hash % marks.size()] = {key.hash, now() + remember};
  }
  fetch->end(Fetch::Outcome::kNotShared);
}

void Store::failed(const Key& key, const std::shared_ptr<Fetch>& fetch, uint16_t status,
                   std::string_view why) {
  Locked(shard_of(key.uri_hash)).drop_fetch(key, fetch);
  fetch->status_ = status;
  fetch->why_ = why;
  fetch->end(Fetch::Outcome::kFailed);
}

void Store::abandoned(const Key& key, const std::shared_ptr<Fetch>& fetch) {
  Locked(shard_of(key.uri_hash)).drop_fetch(key, fetch);
  fetch->end(Fetch::Outcome::kAbandoned);
}

std::unique_ptr<Filling> Store::fill(std::shared_ptr<Entry> entry, uint64_t limit) {
  const uint64_t expected = entry->body->length().value_or(0);
  if (expected > limit) return nullptr;
  if (filling_.load(std::memory_order_relaxed) + expected > most_bytes_ / 2) return nullptr;
  return std::make_unique<Filling>(*this, std::move(entry), limit, expected);
}

// It is whole: from now on it counts, and may be evicted.
void Store::completed(const Entry& entry) {
  {
    const Locked locked(shard_of(entry.place.uri_hash));
    if (entry.place.slot == nullptr || entry.place.queue != Place::Queue::kNone) return;
    const size_t cost = entry.cost();
    locked.shard.queue.add(entry.place, cost);
    bytes_.fetch_add(cost, std::memory_order_relaxed);
  }
  make_room(entry.place.uri_hash);
}

void Store::remove(const Entry& entry) {
  Locked locked(shard_of(entry.place.uri_hash));
  Slot* const slot = entry.place.slot;
  if (slot == nullptr) return;
  take_out(locked, entry);
  auto left = std::make_shared<Variants>(*slot->variants);
  std::erase_if(*left, [&](const EntryPointer& one) { return one.get() == &entry; });
  if (left->empty()) left = nullptr;
  locked.discard(std::exchange(slot->variants, std::move(left)));
  locked.forget_if_empty(*slot);
}

// From the shards that have more than their share, of which there is one when all have too much together:
// first from the one that has got something.
void Store::make_room(uint64_t uri_hash) {
  size_t next = uri_hash % kShards;
  for (size_t content = 0; bytes_.load(std::memory_order_relaxed) > most_bytes_ && content < kShards;) {
    Shard& shard = *shards_[next % kShards];
    EntryPointer victim;
    {
      Locked locked(shard);
      Place* const place = shard.queue.cost() > most_bytes_ / kShards ? shard.queue.evict() : nullptr;
      if (place == nullptr) {
        ++content;
        ++next;
        continue;
      }
      bytes_.fetch_sub(place->cost, std::memory_order_relaxed);
      for (const EntryPointer& one : *place->slot->variants) {
        if (one.get() == &place->entry) victim = one;
      }
    }
    content = 0;
    remove(*victim);
    evictions_.fetch_add(1, std::memory_order_relaxed);
  }
}

void Store::purge_slot(Locked& locked, Slot& slot, const Purge& purge, uint64_t tag, uint64_t& met) {
  const auto meets = [&](const Entry& entry) {
    return purge.what != Purge::What::kTag ||
           std::find(entry.tags.begin(), entry.tags.end(), tag) != entry.tags.end();
  };
  if (purge.what != Purge::What::kTag) {
    for (const std::shared_ptr<Fetch>& fetch : slot.fetches) fetch->outdated_ = true;
  }
  if (!slot.variants) return;
  auto left = std::make_shared<Variants>();
  const Time moment = now();
  for (const EntryPointer& one : *slot.variants) {
    if (!meets(*one)) {
      left->push_back(one);
      continue;
    }
    ++met;
    if (purge.how == Purge::How::kRemove) {
      take_out(locked, *one);
      continue;
    }
    left->push_back(one);
    const int64_t lived = one->age(moment).count();
    if (one->lifetime.load(std::memory_order_relaxed) > lived)
      one->lifetime.store(lived, std::memory_order_relaxed);
  }
  if (left->size() == slot.variants->size()) return;
  if (left->empty()) left = nullptr;
  locked.discard(std::exchange(slot.variants, std::move(left)));
}

uint64_t Store::purge(const Purge& purge) {
  uint64_t met = 0;
  const uint64_t tag = hash_of_tag(purge.text);
  if (purge.what == Purge::What::kTag) tag_purges_.fetch_add(1, std::memory_order_relaxed);
  if (purge.what == Purge::What::kUri) {
    const uint64_t hash = hash_bytes(purge.text, seed_);
    Locked locked(shard_of(hash));
    const auto found = locked.shard.uris.find({purge.text, hash});
    if (found != locked.shard.uris.end()) {
      Uri& uri = *found->second;
      std::vector<Slot*> slots;
      uri.slots.for_each([&](Slot& slot) { slots.push_back(&slot); });
      for (Slot* slot : slots) purge_slot(locked, *slot, purge, tag, met);
      for (Slot* slot : slots) locked.forget_if_empty(*slot);
    }
  } else {
    for (const auto& shard : shards_) {
      Locked locked(*shard);
      std::vector<Slot*> slots;
      for (const auto& [text, slot] : shard->slots) {
        if (purge.what == Purge::What::kPrefix && !slot->uri->text.starts_with(purge.text)) continue;
        slots.push_back(slot.get());
      }
      for (Slot* slot : slots) purge_slot(locked, *slot, purge, tag, met);
      for (Slot* slot : slots) locked.forget_if_empty(*slot);
    }
  }
  purged_.fetch_add(met, std::memory_order_relaxed);
  return met;
}

StoreState Store::state() const {
  const auto read = [](const std::atomic<uint64_t>& number) {
    return number.load(std::memory_order_relaxed);
  };
  return {read(bytes_), most_bytes_, read(entries_), read(filling_), read(evictions_), read(purged_)};
}

Filling::Filling(Store& store, std::shared_ptr<Entry> entry, uint64_t limit, uint64_t reserved)
    : store_(store), entry_(std::move(entry)), kept_(entry_), limit_(limit), reserved_(reserved) {
  store_.filling_.fetch_add(reserved_, std::memory_order_relaxed);
}

Filling::~Filling() {
  if (!ended_) {
    entry_->body->fail();
    store_.remove(*entry_);
  }
  store_.filling_.fetch_sub(reserved_, std::memory_order_relaxed);
}

void Filling::reserve(uint64_t bytes) {
  if (bytes <= reserved_) return;
  store_.filling_.fetch_add(bytes - reserved_, std::memory_order_relaxed);
  reserved_ = bytes;
}

void Filling::append(std::string_view data) {
  entry_->body->append(data);
  if (passes_) return;
  reserve(entry_->body->size());
  const bool crowded = store_.filling_.load(std::memory_order_relaxed) > store_.most_bytes_ / 2;
  if (entry_->body->size() <= limit_ && !crowded) return;
  passes_ = true;
  store_.remove(*entry_);
  entry_->body->pass_through();
}

void Filling::finish() {
  ended_ = true;
  entry_->body->finish();
  if (!passes_) store_.completed(*entry_);
}

}  // namespace portcullis::cache
