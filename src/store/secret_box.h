#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "crypto/digest.h"
#include "store/key_file.h"

namespace portcullis::store {

// An encrypted text, and which key opens it.
struct SealedText {
  std::string key;  // Key::id
  std::string box;  // a random nonce and what XChaCha20-Poly1305 makes of the text
};

// Encrypts and decrypts the secrets of a store. `context` tells where a secret belongs; a box that was moved
// to another place does not open. Any thread.
class SecretBox {
 public:
  explicit SecretBox(KeyRing ring) : ring_(std::move(ring)) {}

  // The id of the key that was made first.
  const std::string& first_key() const { return ring_.keys.front().id; }
  bool has_key(std::string_view id) const { return ring_.find(id) != nullptr; }
  // An error when there is no key of this name.
  Result<SealedText> seal(std::string_view key_id, std::string_view text, std::string_view context) const;
  // An error when the key is missing or another one, or when the box or its context were changed.
  Result<std::string> open(std::string_view key_id, std::string_view box, std::string_view context) const;
  // Stands for a secret in a hash: a reader of the hash cannot try out secrets without the key file.
  crypto::Digest256 digest(std::string_view text) const;

 private:
  KeyRing ring_;
};

}  // namespace portcullis::store
