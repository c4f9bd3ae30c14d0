#pragma once

#include <string>
#include <string_view>

namespace portcullis::identity {

// True when `hash` is a hash of `password`: bcrypt, yescrypt and SHA-crypt by libcrypt (crypt(5)), argon2 by
// libsodium. Takes as long as the hash requires, about a tenth of a second, so do not call it on an event
// loop. Any thread.
bool verify_password(std::string_view password, const std::string& hash);

// A yescrypt hash with a random salt and libcrypt's default cost.
std::string hash_password(const std::string& password);

}  // namespace portcullis::identity
