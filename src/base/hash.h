#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace portcullis {

// Fast non-cryptographic 64-bit hashing in the manner of wyhash: multiply-and-fold over 8-byte lanes. The
// values are stable within one process only. Do not use it where an attacker's input could force collisions
// in unbounded chains.
__extension__ typedef unsigned __int128 uint128;

inline uint64_t hash_mix(uint64_t a, uint64_t b) {
  const auto product = static_cast<uint128>(a ^ 0x9E3779B97F4A7C15ull) * (b ^ 0xD1B54A32D192ED03ull);
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

inline uint64_t hash_bytes(std::string_view text, uint64_t seed = 0) {
  const char* data = text.data();
  size_t size = text.size();
  uint64_t state = seed ^ (size * 0xA0761D6478BD642Full);
  while (size > 16) {
    uint64_t low, high;
    std::memcpy(&low, data, 8);
    std::memcpy(&high, data + 8, 8);
    state = hash_mix(low ^ state, high);
    data += 16;
    size -= 16;
  }
  uint64_t low = 0, high = 0;
  if (size >= 8) {
    std::memcpy(&low, data, 8);
    std::memcpy(&high, data + size - 8, 8);
  } else if (size >= 4) {
    uint32_t first, last;
    std::memcpy(&first, data, 4);
    std::memcpy(&last, data + size - 4, 4);
    low = first;
    high = last;
  } else if (size > 0) {
    low = static_cast<uint8_t>(data[0]) | static_cast<uint64_t>(static_cast<uint8_t>(data[size / 2])) << 8 |
          static_cast<uint64_t>(static_cast<uint8_t>(data[size - 1])) << 16;
  }
  return hash_mix(low ^ state, high ^ 0x8EBC6AF09C88C6E3ull);
}

}  // namespace portcullis
