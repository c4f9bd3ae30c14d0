#include "crypto/encoding.h"

#include <sodium.h>

#include "base/text.h"

namespace portcullis::crypto {
namespace {

int variant_of(Base64 form) {
  return form == Base64::kUrl ? sodium_base64_VARIANT_URLSAFE_NO_PADDING : sodium_base64_VARIANT_ORIGINAL;
}

}  // namespace

std::string base64_encode(std::string_view bytes, Base64 form) {
  std::string out(sodium_base64_encoded_len(bytes.size(), variant_of(form)), '\0');
  sodium_bin2base64(out.data(), out.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                    bytes.size(), variant_of(form));
  out.pop_back();  // its terminator
  return out;
}

std::optional<std::string_view> base64_decode(std::string_view text, Base64 form, std::span<char> out) {
  size_t size = 0;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(out.data()), out.size(), text.data(), text.size(),
                        nullptr, &size, nullptr, variant_of(form)) != 0)
    return std::nullopt;
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
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    out += kDigits[static_cast<uint8_t>(c) >> 4];
    out += kDigits[static_cast<uint8_t>(c) & 15];
  }
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
