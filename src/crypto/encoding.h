#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace portcullis::crypto {

// Base64 of RFC 4648. Decoding is strict: white space and nonzero unused bits are errors, and padding must be
// exactly as the form requires. The time depends on the text, so do not decode secrets of the gateway.
enum class Base64 {
  kStandard,
  kUrl
};  // RFC 4648 section 4 with padding; section 5 without padding (as RFC 7515 section 2)

std::string base64_encode(std::string_view bytes, Base64 form);
std::optional<std::string> base64_decode(std::string_view text, Base64 form);
// Decodes into `out`, which must hold 3/4 of the text's length. Returns the decoded bytes, or nothing for
// invalid text.
std::optional<std::string_view> base64_decode(std::string_view text, Base64 form, std::span<char> out);

std::string hex_encode(std::string_view bytes);  // lower case
std::optional<std::string> hex_decode(std::string_view text);

}  // namespace portcullis::crypto
