#include "crypto/encoding.h"

#include <sodium.h>

#include <array>

#include "base/text.h"

namespace portcullis::crypto {
namespace {

using Values = std::array<uint8_t, 256>;

// The value of each character of the alphabet; 255 for all other characters.
constexpr Values values_of(char at_62, char at_63) {
  Values out{};
  out.fill(255);
  for (uint8_t i = 0; i < 26; ++i) {
    out[static_cast<size_t>('A') + i] = i;
    out[static_cast<size_t>('a') + i] = static_cast<uint8_t>(i + 26);
  }
  for (uint8_t i = 0; i < 10; ++i) out[static_cast<size_t>('0') + i] = static_cast<uint8_t>(i + 52);
  out[static_cast<uint8_t>(at_62)] = 62;
  out[static_cast<uint8_t>(at_63)] = 63;
  return out;
}
constexpr Values kStandardValues = values_of('+', '/');
constexpr Values kUrlValues = values_of('-', '_');

int variant_of(Base64 form) {
  return form == Base64::kUrl ? sodium_base64_VARIANT_URLSAFE_NO_PADDING : sodium_base64_VARIANT_ORIGINAL;
}

}  // namespace

std::string base64_encode(std::string_view bytes, Base64 form) {
  std::string out(sodium_base64_encoded_len(bytes.size(), variant_of(form)), '\0');
  sodium_bin2base64(out.data(), out.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                    bytes.size(), variant_of(form));
  out.pop_back();  // removes the terminating NUL that libsodium writes
  return out;
}

std::optional<std::string_view> base64_decode(std::string_view text, Base64 form, std::span<char> out) {
  if (form == Base64::kStandard) {
    if (text.size() % 4 != 0) return std::nullopt;
    for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
  }
  const size_t rest = text.size() % 4;
  const size_t size = text.size() / 4 * 3 + (rest > 1 ? rest - 1 : 0);
  if (rest == 1 || size > out.size()) return std::nullopt;
  const Values& values = form == Base64::kUrl ? kUrlValues : kStandardValues;
  const auto value = [&](size_t at) -> uint32_t { return values[static_cast<uint8_t>(text[at])]; };
  char* to = out.data();
  uint32_t bad = 0;
  size_t at = 0;
  for (; at + 4 <= text.size(); at += 4) {
    const uint32_t a = value(at), b = value(at + 1), c = value(at + 2), d = value(at + 3);
    bad |= a | b | c | d;
    const uint32_t bits = a << 18 | b << 12 | c << 6 | d;
    *to++ = static_cast<char>(bits >> 16);
    *to++ = static_cast<char>(bits >> 8);
    *to++ = static_cast<char>(bits);
  }
  if (rest > 1) {
    const uint32_t a = value(at), b = value(at + 1), c = rest == 3 ? value(at + 2) : 0;
    bad |= a | b | c;
    const uint32_t bits = a << 18 | b << 12 | c << 6;
    *to++ = static_cast<char>(bits >> 16);
    if (rest == 3) *to++ = static_cast<char>(bits >> 8);
    if ((bits & (rest == 3 ? 0xFFu : 0xFFFFu)) != 0) return std::nullopt;  // unused bits must be 0
  }
  if (bad > 63) return std::nullopt;
  return std::string_view(out.data(), size);
}

std::optional<std::string> base64_decode(std::string_view text, Base64 form) {
  std::string out(text.size() / 4 * 3 + 3, '\0');
  const auto decoded = base64_decode(text, form, std::span(out.data(), out.size()));
  if (!decoded) return std::nullopt;
  out.resize(decoded->size());
  return out;
}

std::string hex_encode(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) out.append(kHexPairs[static_cast<uint8_t>(c)].data(), 2);
  return out;
}

std::optional<std::string> hex_decode(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string out;
  out.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_value(text[i]), low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
  }
  return out;
}

}  // namespace portcullis::crypto
