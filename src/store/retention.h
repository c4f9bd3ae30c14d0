#pragma once

#include <chrono>
#include <cstdint>

#include "base/result.h"
#include "sqlite/database.h"

namespace portcullis::store {

// Which revisions are kept: the newest ones of this number, those that are not older than this, those with
// a tag, and the one in force.
struct Retention {
  uint64_t revisions = 1'000;
  std::chrono::days age{90};
};

// Deletes the revisions that are not kept, and the objects that only they had. `newest` is never deleted.
Status expire_revisions(sqlite::Database& database, const Retention& retention, uint64_t newest,
                        std::chrono::sys_seconds now);

}  // namespace portcullis::store
