#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "redis/client.h"

namespace portcullis::limits {

// What has become of a change.
enum class Fate : uint8_t {
  kNotStored,  // the store does not have it
  kStored,     // the store has it, and has told its total
  kUnknown,    // the store may have it, so that it must not be stored again
};

// One counter's changes for a store, and the store's answer.
struct QuotaChange {
  std::string id;
  uint64_t window = 0;           // the hour (since 1970) in which the window began
  uint64_t keep_hours = 0;       // how long the store must keep the count
  uint64_t added = 0;            // usage since the last exchange
  uint64_t total = 0;            // out: the store's total, including other nodes
  Fate fate = Fate::kNotStored;  // out; `total` is set only for kStored
};

// Persists quotas. Used by one thread, which may block.
class QuotaStore {
 public:
  virtual ~QuotaStore() = default;
  // True when other nodes use the store too, so that asking makes sense even without changes.
  virtual bool is_shared() const = 0;
  // Adds the changes, and sets their totals and fates. Each is added once or, on failure, not at all; a Redis
  // Cluster may fail for some of them alone.
  virtual Status exchange(std::vector<QuotaChange>& changes) = 0;
};

// An SQLite file for one node. A process and its successor during an upgrade may share the file.
Result<std::unique_ptr<QuotaStore>> open_sqlite_store(const std::string& path);

// The Redis servers for all nodes. Connects on first use, and again after a failure.
std::unique_ptr<QuotaStore> make_redis_store(const redis::Settings& settings);

}  // namespace portcullis::limits
