#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace portcullis::http {

// A Range field (RFC 9110 section 14.1.2) that asks for a single range of bytes.
struct ByteRange {
  std::optional<uint64_t> first;  // empty: the last `last` bytes
  std::optional<uint64_t> last;   // empty: to the end

  // The part of a content of `size` bytes that the range selects: from `begin` up to but excluding `end`.
  // Empty when the range lies beyond the content.
  struct Part {
    uint64_t begin;
    uint64_t end;
  };
  std::optional<Part> of(uint64_t size) const;
};

// Parses a Range field. Empty when it is malformed, uses another unit or has several ranges; such a field is
// ignored.
std::optional<ByteRange> parse_range(std::string_view value);

}  // namespace portcullis::http
