#pragma once

// The internal data of the store: the part that one lock guards.

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cache/store.h"

namespace portcullis::cache {

struct HashedText {
  std::string_view text;
  uint64_t hash;
  bool operator==(const HashedText& other) const { return hash == other.hash && text == other.text; }
};
struct HashOfIt {
  size_t operator()(const HashedText& one) const { return one.hash; }
};
template <typename T>
using ByText = std::unordered_map<HashedText, std::unique_ptr<T>, HashOfIt>;  // keys are views of texts in T

struct Uri {
  std::string text;
  uint64_t hash;
  IntrusiveList<Slot, Slot> slots;
};

// The data of one key. A slot exists while it holds any data.
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
  S3Fifo queue;  // of entries in memory

  // Marks keys whose responses were for single requests only, each until a point in time. Bounded: a later
  // mark overwrites an earlier one. Empty until the first mark.
  struct Mark {
    uint64_t hash = 0;
    std::chrono::steady_clock::time_point until{};
  };
  static constexpr size_t kMarks = 512;
  std::vector<Mark> unshared;
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

  // Destroys `variants` after the lock has been released.
  void discard(std::shared_ptr<const Variants> variants) { discarded_.push_back(std::move(variants)); }

  Shard& shard;

 private:
  std::vector<std::shared_ptr<const Variants>> discarded_;
  std::unique_lock<std::mutex> lock_;
};

}  // namespace portcullis::cache
