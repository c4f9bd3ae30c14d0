#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cache/entry.h"
#include "cache/fetch.h"
#include "cache/s3_fifo.h"

namespace portcullis::cache {

class Store;

// Under what responses are kept: `text` is the key itself, `uri` what it is a key for, which purges and
// unsafe requests name.
struct Key {
  std::string_view text;
  std::string_view uri;
  uint64_t hash = 0;      // of the text; filled by Store::key
  uint64_t uri_hash = 0;  // of the URI
};

// Receives the body of a response that is being stored. One thread. Destroyed before its end it has failed.
class Filling {
 public:
  Filling(Store& store, std::shared_ptr<Entry> entry, uint64_t limit, uint64_t reserved);
  ~Filling();
  Filling(const Filling&) = delete;
  Filling& operator=(const Filling&) = delete;

  // Whoever reads has it at once. Beyond the limit nothing is kept, and it only passes through: then wait()
  // before more.
  void append(std::string_view data);
  void finish();
  bool passes_through() const { return passes_; }
  Task<bool> wait(EventLoop& loop, Milliseconds timeout) {
    return entry_->body->wait_for_readers(loop, timeout);
  }
  const EntryPointer& entry() const { return kept_; }

 private:
  void reserve(uint64_t bytes);

  Store& store_;
  std::shared_ptr<Entry> entry_;
  EntryPointer kept_;
  uint64_t limit_;
  uint64_t reserved_;
  bool passes_ = false;
  bool ended_ = false;
};

// What a purge names.
struct Purge {
  enum class What : uint8_t { kUri, kPrefix, kTag, kAll };
  enum class How : uint8_t { kRemove, kExpire };  // expired: stale from now on
  What what = What::kUri;
  std::string text{};
  How how = How::kRemove;
};

struct StoreState {
  uint64_t bytes = 0;
  uint64_t most_bytes = 0;
  uint64_t entries = 0;
  uint64_t filling_bytes = 0;
  uint64_t evictions = 0;
  uint64_t purged = 0;
};

// The responses that are kept in memory, for all workers. Any thread.
//
// It is divided into shards, each with a lock, and so breaks the rule that no lock is taken for a request:
// workers must share what is cached, or each would fetch it again and keep it again. A lock is held for one
// look into a hash table, about 100 ns; with 64 shards two workers seldom want the same one.
class Store {
 public:
  explicit Store(uint64_t most_bytes);
  ~Store();

  Key key(std::string_view text, std::string_view uri) const;

  struct Found {
    std::shared_ptr<const Variants> variants;  // null: none
    bool unshared = false;                     // what came lately was for one request only
  };
  Found find(const Key& key) const;

  struct Entered {
    enum class Kind : uint8_t {
      kBegin,    // `fetch` is the caller's own, who must end it
      kWait,     // `fetch` is another's
      kChanged,  // something has come since find()
    };
    Kind kind;
    std::shared_ptr<Fetch> fetch;
  };
  // Joins those who wait for what the request wants, or begins to fetch it. `seen` is what find() has found;
  // `selecting` the request's values of the fields that the last variant was chosen by.
  Entered enter(const Key& key, const std::shared_ptr<const Variants>& seen, std::string_view selecting);
  // Begins a fetch that nobody else waits for; still it is known to purges.
  std::shared_ptr<Fetch> enter_alone(const Key& key);

  // How a fetch ends, each once. stored(): `entry` is there for all from now on, while its body may still be
  // on its way, unless it has been purged meanwhile.
  void stored(const Key& key, const std::shared_ptr<Fetch>& fetch, const std::shared_ptr<Entry>& entry);
  void not_shared(const Key& key, const std::shared_ptr<Fetch>& fetch, std::chrono::milliseconds remember);
  void failed(const Key& key, const std::shared_ptr<Fetch>& fetch, uint16_t status, std::string_view why);
  void abandoned(const Key& key, const std::shared_ptr<Fetch>& fetch);

  // Begins to receive the body of an entry of at most `limit` bytes. Null when too much is being received.
  std::unique_ptr<Filling> fill(std::shared_ptr<Entry> entry, uint64_t limit);

  // Returns how many responses it met.
  uint64_t purge(const Purge& purge);
  // What an unsafe request makes of all under its URI (RFC 9111 section 4.4).
  void invalidate(std::string_view uri) { (void)purge({Purge::What::kUri, std::string(uri)}); }
  uint64_t hash_of_tag(std::string_view tag) const;

  StoreState state() const;

 private:
  friend class Filling;
  struct Shard;
  // What a lock is held for; what has been taken out is destroyed after it.
  class Locked;

  static constexpr size_t kShards = 64;
  static constexpr size_t kMostVariants = 64;  // of one key

  Shard& shard_of(uint64_t uri_hash) const { return *shards_[uri_hash % kShards]; }
  void take_out(Locked& locked, const Entry& entry);
  void purge_slot(Locked& locked, Slot& slot, const Purge& purge, uint64_t tag, uint64_t& met);
  void completed(const Entry& entry);
  void remove(const Entry& entry);
  void make_room(uint64_t uri_hash);

  const uint64_t most_bytes_;
  const uint64_t seed_;
  std::array<std::unique_ptr<Shard>, kShards> shards_;
  std::atomic<uint64_t> bytes_{0};
  std::atomic<uint64_t> entries_{0};
  std::atomic<uint64_t> filling_{0};
  std::atomic<uint64_t> evictions_{0};
  std::atomic<uint64_t> purged_{0};
  std::atomic<uint64_t> tag_purges_{0};
};

}  // namespace portcullis::cache
