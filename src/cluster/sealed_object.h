#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cluster/keys.h"
#include "store/revision.h"

// An object as it lies in etcd: like the rows of the store on disk (store/stored_form.h), its canonical JSON
// with null in the place of each secret, and the secrets encrypted.
namespace portcullis::cluster {

struct SealedSecret {
  std::string pointer;  // JSON pointer (RFC 6901)
  std::string key;      // the name of the key that opens it
  std::string box;
};

struct SealedObject {
  store::ObjectName id;
  std::string content;
  std::vector<SealedSecret> secrets;
  std::string digest;     // the bytes of the digest of name, content and keyed digests of the secrets
  uint64_t revision = 0;  // that has put it there, in this form
};

// Encrypts. An error when the JSON is malformed, or a pointer leads to no value.
Result<SealedObject> seal(const store::Object& object, const Keys& keys, uint64_t revision);
// Decrypts. An error when the key is missing or another one, or the object was changed.
Result<store::StoredObject> open(const SealedObject& sealed, const store::SecretBox& box);

nlohmann::json to_json(const SealedObject& object);
Result<SealedObject> sealed_object_from(const nlohmann::json& value);

// Texts of JSON values, one in each line.
std::string lines_of(const std::vector<SealedObject>& objects);
Result<std::vector<SealedObject>> objects_from_lines(std::string_view text);

}  // namespace portcullis::cluster
