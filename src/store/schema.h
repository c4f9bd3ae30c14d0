#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "sqlite/database.h"
#include "store/secret_box.h"

// The tables of a store, and the keys that belong to them.
//
// An object lies in one row for all revisions in which it is the same: from `since` to before `until`, which
// is null while the newest revision has it. So a revision costs the rows of what it changes, and one row for
// itself.
namespace portcullis::store {

// Where a store is.
struct StoreFiles {
  std::string database;
  std::string key_file;
};

// Opens the database of a store. With kCreate, an absent or empty file gets its tables, and an absent key
// file is created for them. An error for a file of another program and for a store of a newer version of
// Portcullis. Commits wait until they are on the disk, and deleted content is overwritten.
Result<sqlite::Database> open_database(const StoreFiles& files, sqlite::Database::IfAbsent if_absent);

// Creates the tables of a store in an empty database, whose secrets the keys of `box` seal.
Status create_tables(sqlite::Database& database, const SecretBox& box);

// Short texts that lie beside the revisions. The value of a name is empty when there is none.
Status set_meta(sqlite::Database& database, std::string_view name, std::string_view value);
Result<std::string> meta_of(sqlite::Database& database, std::string_view name);
// The name of the text NUMBER:PUBLICATION, which says which revision of a cluster was taken over last. Only a
// store that is the copy of a cluster has it.
inline constexpr std::string_view kTakenOver = "taken_over";

// Reads the key file. An error when it is absent, or does not belong to the store: this is tried with a text
// that the store has sealed. Sees the state of the transaction that is open.
Result<SecretBox> open_keys(sqlite::Database& database, const std::string& key_file);

// The name of the key with which the store's secrets are sealed.
Result<std::string> current_key(sqlite::Database& database);
// Makes the key the current one.
Status set_current_key(sqlite::Database& database, const SecretBox& box, const std::string& key_id);

}  // namespace portcullis::store
