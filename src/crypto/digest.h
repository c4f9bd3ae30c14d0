#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace portcullis::crypto {

using Digest256 = std::array<uint8_t, 32>;

// SHA-2 (FIPS 180-4) through libsodium. Any thread; allocates nothing.
Digest256 sha256(std::string_view bytes);
std::array<uint8_t, 64> sha512(std::string_view bytes);

// SHA-1, which is broken: only for protocols that insist on it where nothing depends on it, such as the
// handshake of WebSocket. Through OpenSSL.
std::array<uint8_t, 20> sha1(std::string_view bytes);

// A digest's bytes, as those who take text want them.
template <size_t N>
std::string_view text_of(const std::array<uint8_t, N>& digest) {
  return {reinterpret_cast<const char*>(digest.data()), N};
}

// Takes as long for a wrong first byte as for a wrong last one. Texts of different lengths differ at once.
bool equal_in_constant_time(std::string_view a, std::string_view b);
inline bool equal_in_constant_time(const Digest256& a, const Digest256& b) {
  return equal_in_constant_time(text_of(a), text_of(b));
}

// That many bytes from the system's generator.
std::string random_bytes(size_t size);
// For generators of numbers that are no secrets.
uint64_t random_seed();

// Keyed hashing for tables whose keys strangers choose (SipHash-2-4, through libsodium): without the key
// nobody can make two texts collide. Any thread.
class KeyedHash {
 public:
  KeyedHash();  // with a random key
  uint64_t operator()(std::string_view text) const;

 private:
  std::array<uint8_t, 16> key_;
};

}  // namespace portcullis::crypto
