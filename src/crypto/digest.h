#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace portcullis::crypto {

using Digest256 = std::array<uint8_t, 32>;

// SHA-2 (FIPS 180-4) by libsodium. Any thread; does not allocate.
Digest256 sha256(std::string_view bytes);
std::array<uint8_t, 64> sha512(std::string_view bytes);

// SHA-1 by OpenSSL. SHA-1 is broken: only for protocols that require it where security does not depend on it,
// such as the WebSocket handshake.
std::array<uint8_t, 20> sha1(std::string_view bytes);

// Views the bytes of a digest as text.
template <size_t N>
std::string_view text_of(const std::array<uint8_t, N>& digest) {
  return {reinterpret_cast<const char*>(digest.data()), N};
}

// Compares in a time that does not depend on where the texts differ. Texts of different lengths return false
// at once.
bool equal_in_constant_time(std::string_view a, std::string_view b);
inline bool equal_in_constant_time(const Digest256& a, const Digest256& b) {
  return equal_in_constant_time(text_of(a), text_of(b));
}

// Returns `size` bytes from the system's random generator.
std::string random_bytes(size_t size);
// A seed for pseudorandom numbers that need not be secret.
uint64_t random_seed();

// Keyed hashing (SipHash-2-4 by libsodium) for tables whose keys come from clients: without the secret key an
// attacker cannot construct collisions. Any thread.
class KeyedHash {
 public:
  using Key = std::array<uint8_t, 16>;
  KeyedHash();  // generates a random key
  // With a key that is no secret: equal texts have equal hashes in every process and on every machine, and
  // clients can construct collisions.
  explicit KeyedHash(const Key& key) : key_(key) {}
  uint64_t operator()(std::string_view text) const;

 private:
  Key key_;
};

}  // namespace portcullis::crypto
