#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace portcullis::store {

using KeyBytes = std::array<uint8_t, 32>;

struct Key {
  std::string id;  // eight hexadecimal digits
  KeyBytes bytes;
};

// The content of a key file. It has more than one key only while `portcullis store rekey` is at work, or
// after it was interrupted.
struct KeyRing {
  // The key of the digests that stand for secrets in hashes. Rekeying keeps it, so that hashes stay the same.
  KeyBytes digest_key;
  std::vector<Key> keys;

  const Key* find(std::string_view id) const;  // null when there is no such key
};

// Random keys: one of each kind.
KeyRing generate_key_ring();
// A key with random bytes and a random name.
Key generate_key();

// Reads a key file; nothing when there is none. An error when the file cannot be read or understood, and when
// users who do not own it can write to it, or users outside of its group can read it.
Result<std::optional<KeyRing>> read_key_file(const std::string& path);

// Creates a key file with one random key and mode 0600. When another process creates it at the same time, the
// result is what that process has written.
Result<KeyRing> create_key_file(const std::string& path);

// Replaces a key file in one step: after a failure, or the end of the process at any moment, the file has
// either the old or the new content. Owner and mode stay the same.
Status replace_key_file(const std::string& path, const KeyRing& ring);

}  // namespace portcullis::store
