#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "crypto/digest.h"
#include "store/revision.h"
#include "store/secret_box.h"

// An object as it lies in the store: its canonical JSON with null in the place of each secret, and the
// secrets apart.
namespace portcullis::store {

struct Secret {
  std::string pointer;
  std::string json;  // the canonical form of the value
};

struct StoredForm {
  std::string content;
  std::vector<Secret> secrets;  // in the order of their pointers
  crypto::Digest256 digest;     // of name, owner, content and the keyed digest of each secret
};

// An error when the JSON is malformed or has no canonical form, and when a pointer leads to no value.
Result<StoredForm> stored_form_of(const Object& object, const SecretBox& box);
crypto::Digest256 digest_of(const ObjectName& id, Owner owner, std::string_view content,
                            const std::vector<Secret>& secrets, const SecretBox& box);
// The canonical JSON of the whole object.
Result<std::string> json_of(std::string_view content, const std::vector<Secret>& secrets);
// The context in which a secret is sealed (SecretBox::seal).
std::string context_of(const ObjectName& id, std::string_view pointer);

}  // namespace portcullis::store
