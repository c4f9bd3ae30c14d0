#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace portcullis::crypto {

// Base64 as RFC 4648 defines it. Decoding is strict: no white space, no stray bits, padding where the form
// has it and nowhere else. Its time depends on the text: it is for what clients send, not for the gateway's
// secrets.
enum class Base64 { kStandard, kUrl };  // section 4, padded; section 5, without padding (RFC 7515 section 2)

std::string base64_encode(std::string_view bytes, Base64 form);
std::optional<std::string> base64_decode(std::string_view text, Base64 form);
// Into `out`, which must have room for 3/4 of the text; the bytes written.
std::optional<std::string_view> base64_decode(std::string_view text, Base64 form, std::span<char> out);

std::string hex_encode(std::string_view bytes);  // lower case
std::optional<std::string> hex_decode(std::string_view text);

}  // namespace portcullis::crypto
