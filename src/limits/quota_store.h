#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "redis/client.h"

namespace portcullis::limits {

// One counter's news for a store, and the store's for it.
struct QuotaChange {
  std::string id;
  uint64_t window = 0;      // the hour, since 1970, in which the window began
  uint64_t keep_hours = 0;  // how long the store is to remember it
  uint64_t added = 0;       // since the last time
  uint64_t total = 0;       // out: with what others have added
};

// Where quotas outlive the process. Used by one thread, which may wait for it.
class QuotaStore {
 public:
  virtual ~QuotaStore() = default;
  // Others add to it too, so that it is worth asking without news.
  virtual bool is_shared() const = 0;
  // Adds all of them at once, or none, and fills in the totals.
  virtual Status exchange(std::vector<QuotaChange>& changes) = 0;
};

// A file for one node, through SQLite. Processes that hand over to each other may share it.
Result<std::unique_ptr<QuotaStore>> open_sqlite_store(const std::string& path);

// A Redis server for all nodes. Connects when it is used, and again when it was away.
std::unique_ptr<QuotaStore> make_redis_store(const redis::Settings& settings);

}  // namespace portcullis::limits
