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

// Under what responses are kept: `text` is the key itself, `uri` what it is a key for, which purges and
// unsafe requests name.
struct Key {
  std::string_view text;
  std::string_view uri;
  uint64_t hash = 0;      // of the text; filled by Store::key
  uint64_t uri_hash = 0;  // of the URI
};

// What a purge names.
struct Purge {
  enum class What : uint8_t { kUri, kPrefix, kTag, kAll };
  enum class How : uint8_t { kRemove, kExpire };  // expired: stale from now on
  What what = What::kUri;
  std::string text{};
  How how = How::kRemove;
};

// What all that is stored takes.
struct StoreState {
  uint64_t bytes = 0;
  uint64_t most_bytes = 0;
  uint64_t entries = 0;
  uint64_t filling_bytes = 0;
  uint64_t evictions = 0;
  uint64_t purged = 0;

  // Of what is on disk; all 0 when there is none.
  struct Disk {
    uint64_t bytes = 0;
    uint64_t most_bytes = 0;
    uint64_t entries = 0;
    uint64_t evictions = 0;
    uint64_t read_bytes = 0;
    uint64_t written_bytes = 0;
    uint64_t restored = 0;  // found at the start
    uint64_t damaged = 0;   // not what had been written
    uint64_t failed = 0;    // could not be written
  };
  Disk disk{};
};

// The responses that are kept, for all workers: in memory, and the bodies of large ones on disk. Any thread.
//
// It is divided into shards, each with a lock, and so breaks the rule that no lock is taken for a request:
// workers must share what is cached, or each would fetch it again and keep it again. A lock is held for one
// look into a hash table, about 100 ns; with 64 shards two workers seldom want the same one.
class Store {
 public:
  // `disk`: null for none. What is there comes back little by little.
  explicit Store(uint64_t most_bytes, std::unique_ptr<Disk> disk = nullptr);
  ~Store();
  // Ends what goes on in threads of its own. Control thread.
  void stop();

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
  void failed(const Key& key, const std::shared_ptr<Fetch>& fetch, uint16_t status,
              const telemetry::EndReason& why);
  void abandoned(const Key& key, const std::shared_ptr<Fetch>& fetch);

  // Gives an entry its body, of `length` bytes where that is known, and begins to receive it. Null when it is
  // larger than `limit`, or than the disk takes, or too much is being received.
  std::unique_ptr<Filling> fill(std::shared_ptr<Entry> entry, std::optional<uint64_t> length, uint64_t limit);
  static constexpr uint64_t kNoLimit = UINT64_MAX;  // of its own; without a disk it is
  static constexpr uint64_t kMaxInMemory = 8 << 20;

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
  enum class Its : uint8_t { kDiscarded, kAnothers };  // the body of an entry that is taken out

  static constexpr size_t kShards = 64;
  static constexpr size_t kMaxVariants = 64;  // of one key

  Shard& shard_of(uint64_t uri_hash) const { return *shards_[uri_hash % kShards]; }
  void take_out(Locked& locked, const Entry& entry, Its body = Its::kDiscarded);
  void purge_slot(Locked& locked, Slot& slot, const Purge& purge, uint64_t tag, uint64_t& met);
  static void expire(const Entry& entry);
  static uint64_t hash_of_variant(const Key& key, const Entry& entry);
  void completed(const Entry& entry);
  void remove(const Entry& entry);

  // The room there is.
  void count(Locked& locked, const Entry& entry, bool proven);
  void uncount(Locked& locked, const Entry& entry);
  void note_gone(const Entry& entry);
  bool memory_is_full() const { return bytes_.load(std::memory_order_relaxed) > most_bytes_; }
  bool disk_is_full() const;
  bool takes_no_more(const Entry& entry) const;
  void make_room_in_memory(uint64_t uri_hash);
  void make_room_on_disk();

  // The disk.
  bool goes_to_disk(uint64_t size) const;
  // While it is received, of the memory; of very little memory no more than may be filled.
  uint64_t taken_by_one_on_disk() const { return std::min(Body::kMaxUnwritten, most_bytes_ / 2); }
  void move_to_disk(const std::shared_ptr<Entry>& entry);
  void watch(const std::shared_ptr<Entry>& entry);
  bool restore(const DiskHead& head, std::unique_ptr<DiskFile> file);
  void note_purge(const Purge& purge);
  bool outlives_purges(Entry& entry, const DiskHead& head);

  const uint64_t most_bytes_;
  const uint64_t seed_;
  const std::unique_ptr<Disk> disk_;  // outlives the entries
  std::array<std::unique_ptr<Shard>, kShards> shards_;
  std::atomic<uint64_t> bytes_{0};  // of the memory
  std::atomic<uint64_t> entries_{0};
  std::atomic<uint64_t> filling_{0};
  std::atomic<uint64_t> evictions_{0};
  std::atomic<uint64_t> purged_{0};
  std::atomic<uint64_t> tag_purges_{0};
  // Of what is on disk there is one queue: a shard would have too few, of too different sizes.
  std::mutex disk_mutex_;  // taken last
  S3Fifo disk_queue_;
  std::atomic<uint64_t> disk_bytes_{0};
  std::atomic<uint64_t> disk_entries_{0};
  std::atomic<uint64_t> disk_heads_{0};  // what these take in memory
  std::atomic<uint64_t> disk_evictions_{0};

  // What has been purged while there may still be some of it that has not come back from the disk.
  struct Restoring {
    std::atomic<bool> goes_on{false};
    std::mutex mutex;
    std::unordered_map<std::string, Purge::How> uris;
    std::vector<Purge> others;
    bool all = false;  // too many to remember: nothing comes back any more
  };
  static constexpr size_t kMaxRemembered = 100'000;
  Restoring restoring_;
};

}  // namespace portcullis::cache
