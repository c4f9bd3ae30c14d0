#include "crypto/digest.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <sodium.h>

namespace portcullis::crypto {

// Uses libsodium because OpenSSL's EVP interface allocates memory on each use.
Digest256 sha256(std::string_view bytes) {
  Digest256 out;
  crypto_hash_sha256(out.data(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  return out;
}

std::array<uint8_t, 64> sha512(std::string_view bytes) {
  std::array<uint8_t, 64> out;
  crypto_hash_sha512(out.data(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  return out;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::array<uint8_t, 20> sha1(std::string_view bytes) {
  std::array<uint8_t, 20> digest{};
  SHA1(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  return digest;
}

std::string random_bytes(size_t size) {
  std::string out(size, '\0');
  randombytes_buf(out.data(), out.size());
  return out;
}

uint64_t random_seed() {
  uint64_t seed = 0;
  randombytes_buf(&seed, sizeof seed);
  return seed;
}

KeyedHash::KeyedHash() {
  static_assert(std::tuple_size_v<decltype(key_)> == crypto_shorthash_KEYBYTES);
  crypto_shorthash_keygen(key_.data());
}

uint64_t KeyedHash::operator()(std::string_view text) const {
  uint64_t out;
  crypto_shorthash(reinterpret_cast<unsigned char*>(&out),
                   reinterpret_cast<const unsigned char*>(text.data()), text.size(), key_.data());
  return out;
}

}  // namespace portcullis::crypto
