#pragma once

#include <string>

namespace portcullis::cli {

// Prints a new random key and the hash that the configuration takes. The exit code.
int generate_key(const std::string& prefix);

// Prints the hash of the key on standard input, for `consumers[].credentials.keys`.
int hash_key();

// Prints a hash of the password on standard input, for `consumers[].credentials.basic`.
int hash_password();

}  // namespace portcullis::cli
