#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cache/disk.h"
#include "cache/entry.h"
#include "cache/fetch.h"
#include "cache/filling.h"
#include "cache/s3_fifo.h"
#include "telemetry/end_reason.h"

namespace portcullis::cache {

// The key of stored responses: `text` is the key itself, `uri` the URI it belongs to, by which purges and
// unsafe requests find it.
struct Key {
  std::string_view text;
  std::string_view uri;
  uint64_t hash = 0;      // of the text; set by Store::key
  uint64_t uri_hash = 0;  // of the URI
};

// Selects the responses to purge.
struct Purge {
  enum class What : uint8_t { kUri, kPrefix, kTag, kAll };
  enum class How : uint8_t { kRemove, kExpire };  // kExpire makes responses stale from now on
  What what = What::kUri;
  std::string text{};
  How how = How::kRemove;
};

// The state of the cache as a whole.
struct StoreState {
  uint64_t bytes = 0;
  uint64_t max_bytes = 0;
  uint64_t entries = 0;
  uint64_t filling_bytes = 0;
  uint64_t evictions = 0;
  uint64_t purged = 0;

  // The disk; all values are 0 without a disk cache.
  struct Disk {
    uint64_t bytes = 0;
    uint64_t max_bytes = 0;
    uint64_t entries = 0;
    uint64_t evictions = 0;
    uint64_t read_bytes = 0;
    uint64_t written_bytes = 0;
    uint64_t restored = 0;  // objects found at the start
    uint64_t damaged = 0;   // objects whose content had changed
    uint64_t failed = 0;    // objects that could not be written
  };
  Disk disk{};
};

// The stored responses of all workers: in memory, and the bodies of large ones on disk. Any thread.
//
// The store is divided into shards, each with a lock. This is an exception to the rule that requests take no
// locks: workers must share the cache, or each worker would fetch and store every response again. A lock is
// held for one hash table look-up, about 100 ns; with 64 shards two workers rarely need the same lock.
class Store {
 public:
  // `disk` is null without a disk cache. Objects on disk are restored little by little.
  explicit Store(uint64_t max_bytes, std::unique_ptr<Disk> disk = nullptr);
  ~Store();
  // Stops the store's own threads. Control thread.
  void stop();

  Key key(std::string_view text, std::string_view uri) const;

  struct Found {
    std::shared_ptr<const Variants> variants;  // null when there are none
    bool unshared = false;                     // recent responses were for single requests only
  };
  Found find(const Key& key) const;

  struct Entered {
    enum class Kind : uint8_t {
      kBegin,    // the caller owns `fetch` and must end it
      kWait,     // another request owns `fetch`
      kChanged,  // a response was stored since find()
    };
    Kind kind;
    std::shared_ptr<Fetch> fetch;
  };
  // Joins the fetch of the wanted response, or begins one. `seen` is the result of find(); `selecting` holds
  // the request's values of the fields that the newest variant depends on.
  Entered enter(const Key& key, const std::shared_ptr<const Variants>& seen, std::string_view selecting);
  // Begins a fetch that no other request waits for, but that purges know about.
  std::shared_ptr<Fetch> enter_alone(const Key& key);

  // These end a fetch; call exactly one of them. stored(): from now on all requests find `entry`, whose body
  // may still be arriving, unless it has been purged meanwhile.
  void stored(const Key& key, const std::shared_ptr<Fetch>& fetch, const std::shared_ptr<Entry>& entry);
  void not_shared(const Key& key, const std::shared_ptr<Fetch>& fetch, std::chrono::milliseconds remember);
  void failed(const Key& key, const std::shared_ptr<Fetch>& fetch, uint16_t status,
              const telemetry::EndReason& why);
  void abandoned(const Key& key, const std::shared_ptr<Fetch>& fetch);

  // Gives an entry a body, of `length` bytes if known, and begins to receive it. Null when the body is larger
  // than `limit` or than the disk permits, or when too many bodies are being received.
  std::unique_ptr<Filling> fill(std::shared_ptr<Entry> entry, std::optional<uint64_t> length, uint64_t limit);
  // No configured limit; without a disk kMaxInMemory applies.
  static constexpr uint64_t kNoLimit = UINT64_MAX;
  static constexpr uint64_t kMaxInMemory = 8 << 20;

  // Returns the number of purged responses.
  uint64_t purge(const Purge& purge);
  // Invalidates all responses with the URI of an unsafe request (RFC 9111 section 4.4).
  void invalidate(std::string_view uri) { (void)purge({Purge::What::kUri, std::string(uri)}); }
  uint64_t hash_of_tag(std::string_view tag) const;

  StoreState state() const;

 private:
  friend class Filling;
  struct Shard;
  // A lock on a shard. Removed objects are destroyed after the lock has been released.
  class Locked;
  enum class Its : uint8_t {
    kDiscarded,
    kAnothers
  };  // what happens to the body of an entry that is taken out

  static constexpr size_t kShards = 64;
  static constexpr size_t kMaxVariants = 64;  // per key

  Shard& shard_of(uint64_t uri_hash) const { return *shards_[uri_hash % kShards]; }
  void take_out(Locked& locked, const Entry& entry, Its body = Its::kDiscarded);
  void purge_slot(Locked& locked, Slot& slot, const Purge& purge, uint64_t tag, uint64_t& met);
  static void expire(const Entry& entry);
  static uint64_t hash_of_variant(const Key& key, const Entry& entry);
  void completed(const Entry& entry);
  void remove(const Entry& entry);

  // Accounting of space.
  void count(Locked& locked, const Entry& entry, bool proven);
  void uncount(Locked& locked, const Entry& entry);
  void note_gone(const Entry& entry);
  bool memory_is_full() const { return bytes_.load(std::memory_order_relaxed) > max_bytes_; }
  bool disk_is_full() const;
  bool takes_no_more(const Entry& entry) const;
  void make_room_in_memory(uint64_t uri_hash);
  void make_room_on_disk();

  // Use of the disk.
  bool goes_to_disk(uint64_t size) const;
  // The memory of a body while it is received for the disk; with little memory at most half of it.
  uint64_t taken_by_one_on_disk() const { return std::min(Body::kMaxUnwritten, max_bytes_ / 2); }
  void move_to_disk(const std::shared_ptr<Entry>& entry);
  void watch(const std::shared_ptr<Entry>& entry);
  bool restore(const DiskHead& head, std::unique_ptr<DiskFile> file);
  void note_purge(const Purge& purge);
  bool outlives_purges(Entry& entry, const DiskHead& head);

  const uint64_t max_bytes_;
  const uint64_t seed_;
  const std::unique_ptr<Disk> disk_;  // must outlive the entries
  std::array<std::unique_ptr<Shard>, kShards> shards_;
  std::atomic<uint64_t> bytes_{0};  // in memory
  std::atomic<uint64_t> entries_{0};
  std::atomic<uint64_t> filling_{0};
  std::atomic<uint64_t> evictions_{0};
  std::atomic<uint64_t> purged_{0};
  std::atomic<uint64_t> tag_purges_{0};
  // One queue for all bodies on disk: a shard would have too few, and of too different sizes.
  std::mutex disk_mutex_;  // locked after any other lock
  S3Fifo disk_queue_;
  std::atomic<uint64_t> disk_bytes_{0};
  std::atomic<uint64_t> disk_entries_{0};
  std::atomic<uint64_t> disk_heads_{0};  // memory for the heads of bodies on disk
  std::atomic<uint64_t> disk_evictions_{0};

  // The purges since the start, while objects on disk are still being restored.
  struct Restoring {
    std::atomic<bool> goes_on{false};
    std::mutex mutex;
    std::unordered_map<std::string, Purge::How> uris;
    std::vector<Purge> others;
    bool all = false;  // too many purges to remember: no more objects are restored
  };
  static constexpr size_t kMaxRemembered = 100'000;
  Restoring restoring_;
};

}  // namespace portcullis::cache
