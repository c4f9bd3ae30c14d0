#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/retention.h"
#include "store/schema.h"

// What operators do with a store. All of it can be done while a gateway uses the store.
namespace portcullis::store {

struct Findings {
  std::vector<std::string> faults;  // empty when the store is good; at most kMaxFaults
  uint64_t newest = 0;              // the newest revision
  size_t revisions = 0;             // how many are kept
  size_t secrets = 0;
};
inline constexpr size_t kMaxFaults = 100;

// Reads all of a store: the pages of the file, the hash of each kept revision, the numbers of the newest
// revisions, and each secret with the key file. An error when there is no such store, or it cannot be read.
Result<Findings> check_store(const StoreFiles& files, const Retention& retention = {});

// Copies the state of one moment into a new file, which is a store by itself. The key file is not part of it.
// An error when `target` exists. After a failure there is no file of that name.
Status back_up_store(const StoreFiles& files, const std::string& target);

enum class Existing { kRefuse, kReplace };
// Puts a backup in the place of `files.database`, after the caller has checked it with the same key file. The
// content of an existing store is replaced in one transaction, and processes that use it see the new content.
// A file that is too damaged for that is renamed to `PATH.damaged`.
Status restore_store(const std::string& backup, const StoreFiles& files, Existing existing);

// Seals each secret with a new key, and removes the old ones from the key file and the store. Hashes and
// revisions stay the same. The key file has both keys until this is done; after an interruption the store can
// be used as before, and the next call completes the work. Returns the number of secrets. An error for a
// store that is the copy of a cluster, whose key file other nodes have too.
Result<size_t> rekey_store(const StoreFiles& files);

}  // namespace portcullis::store
