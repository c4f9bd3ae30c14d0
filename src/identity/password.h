#pragma once

#include <string>
#include <string_view>

namespace portcullis::identity {

// True when `hash` was made of `password`: bcrypt, yescrypt and SHA-crypt through libcrypt (crypt(5)), argon2
// through libsodium. Takes as long as the hash was made to take, a tenth of a second or so: not on an event
// loop. Any thread.
bool verify_password(std::string_view password, const std::string& hash);

// A yescrypt hash with a random salt, at libcrypt's own cost.
std::string hash_password(const std::string& password);

}  // namespace portcullis::identity
