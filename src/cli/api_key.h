#pragma once

#include <string>

#include "base/result.h"

namespace portcullis::cli {

// A new random API key that begins with `prefix`. Without a prefix the key begins with a letter or a digit,
// so that no command line takes the key for an option.
std::string make_api_key(const std::string& prefix);

// Whether requests can send `key` in a header field, up to the length that `key_auth` reads. The error never
// contains the key.
Status check_api_key(const std::string& key);

// The hash of a key in the format of `key_auth`: "sha256:" and 64 hexadecimal digits.
std::string hash_of_api_key(const std::string& key);

// True for a key so short that an attacker can find it from its hash by trying all keys; longer random keys
// cannot be found.
inline bool is_guessable_key(const std::string& key) {
  return key.size() < 20;
}

}  // namespace portcullis::cli
