#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace portcullis::cluster {

// The most that a packed text may have when it is unpacked.
inline constexpr size_t kMaxUnpacked = 256 << 20;

// Compresses by zstd (RFC 8878).
std::string pack(std::string_view text);
// An error when the bytes are damaged, or are more than kMaxUnpacked.
Result<std::string> unpack(std::string_view bytes);

}  // namespace portcullis::cluster
