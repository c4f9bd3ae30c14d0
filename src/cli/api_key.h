#pragma once

#include <string>

#include "base/result.h"

namespace portcullis::cli {

// A new random API key that begins with `prefix`. Without one it begins with a letter or a digit, so that no
// command line takes it for an option.
std::string make_api_key(const std::string& prefix);

// Whether requests can send `key`: it is in a header, of which `key_auth` reads so much. The error never
// shows it.
Status check_api_key(const std::string& key);

// The hash of a key, as `key_auth` has it: "sha256:" and 64 hexadecimal digits.
std::string hash_of_api_key(const std::string& key);

// The hash of a key as short as this can be found by trying all keys; that of a random one that is longer
// cannot.
inline bool is_guessable_key(const std::string& key) {
  return key.size() < 20;
}

}  // namespace portcullis::cli
