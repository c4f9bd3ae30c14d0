#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/digest.h"
#include "sqlite/database.h"
#include "store/revision.h"
#include "store/secret_box.h"
#include "store/stored_form.h"

// The rows of the newest revision while the next one is being written. Each call belongs into the transaction
// that writes it.
namespace portcullis::store {

// An object that is to be stored. `object` must outlive it.
struct PreparedObject {
  const Object* object;
  StoredForm form;
};

// From revision `number` on, the object is as `prepared`. An object that is so already keeps its row. `key`
// names the key that seals its secrets.
enum class Put { kSame, kAdded, kChanged };
Result<Put> put_object(sqlite::Database& database, const SecretBox& box, const std::string& key,
                       const PreparedObject& prepared, uint64_t number);
// From revision `number` on, the object is gone. False when there was none.
Result<bool> end_object(sqlite::Database& database, const ObjectName& id, uint64_t number);
// From revision `number` on, all objects are gone that are not put. Returns them.
Result<std::vector<ObjectName>> end_others(sqlite::Database& database, const std::vector<PreparedObject>& put,
                                           uint64_t number);

// The hash of the objects as they are now.
Result<crypto::Digest256> hash_of_newest(sqlite::Database& database);
// `hash` has the bytes of Revision::hash.
Status insert_revision(sqlite::Database& database, const Revision& revision, std::string_view hash);

}  // namespace portcullis::store
