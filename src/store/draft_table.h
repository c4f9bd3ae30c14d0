#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sqlite/database.h"
#include "store/schema.h"
#include "store/secret_box.h"

namespace portcullis::store {

// Drafts in the file of a store, beside its revisions: texts with names, which are encrypted as a whole.
// Other processes may use the file at the same time.
//
// Calls read and write files, and may wait some seconds for other processes: one thread at a time, never a
// worker or the control thread. An Error means that the store could not do its work.
class DraftTable {
 public:
  // Opens an existing store, as a connection of its own.
  static Result<DraftTable> open(const StoreFiles& files);
  // A table without a file, which ends with this object.
  static Result<DraftTable> open_in_memory();

  struct Draft {
    std::string text;
    uint64_t version = 0;  // another one after each write
    std::string fault{};   // why the text cannot be read; empty when it can
  };
  enum class Outcome {
    kDone,
    kConflict,  // there is another version than the one that the writer has seen
    kTooMany,   // there are as many as there may be, and this one would be new
  };

  Result<std::vector<std::string>> names();
  Result<std::optional<Draft>> read(const std::string& name);
  // `seen` is the version that the writer has seen; 0: there was no such draft.
  Result<Outcome> write(const std::string& name, std::string_view text, uint64_t seen, size_t max_drafts);
  Result<Outcome> remove(const std::string& name, uint64_t seen);

 private:
  DraftTable(StoreFiles files, sqlite::Database database, SecretBox box);

  Status prepare();
  Status refresh_keys();

  StoreFiles files_;
  sqlite::Database database_;
  SecretBox box_;
};

// Creates the table in a store that has none.
Status create_draft_table(sqlite::Database& database);
// Encrypts each draft with another key of `box`. Belongs into the transaction that makes it the current one.
// Returns the number of drafts.
Result<size_t> reseal_drafts(sqlite::Database& database, const SecretBox& box, const std::string& key);

}  // namespace portcullis::store
