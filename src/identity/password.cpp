#include "identity/password.h"

#include <crypt.h>
#include <sodium.h>

#include <cstdlib>
#include <memory>

#include "crypto/digest.h"

namespace portcullis::identity {
namespace {

// The result of crypt(3), or "" when libcrypt refuses the setting or the password.
std::string crypt_with(const std::string& password, const std::string& setting) {
  const auto work = std::make_unique<crypt_data>();  // 32 KiB, so not on the stack
  const char* out = ::crypt_r(password.c_str(), setting.c_str(), work.get());
  std::string made = out == nullptr || out[0] == '*' ? "" : out;
  sodium_memzero(work.get(), sizeof *work);
  return made;
}

}  // namespace

bool verify_password(std::string_view password, const std::string& hash) {
  if (password.find('\0') != std::string_view::npos)
    return false;  // libcrypt would ignore the text after a NUL
  if (hash.starts_with("$argon2"))
    return sodium_init() >= 0 &&
           crypto_pwhash_str_verify(hash.c_str(), password.data(), password.size()) == 0;
  const std::string made = crypt_with(std::string(password), hash);
  return !made.empty() && crypto::equal_in_constant_time(made, hash);
}

std::string hash_password(const std::string& password) {
  char salt[CRYPT_GENSALT_OUTPUT_SIZE];
  if (::crypt_gensalt_rn("$y$", 0, nullptr, 0, salt, sizeof salt) == nullptr) return "";
  return crypt_with(password, salt);
}

}  // namespace portcullis::identity
