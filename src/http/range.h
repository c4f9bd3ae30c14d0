#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace portcullis::http {

// The bytes that a Range field asks for (RFC 9110 section 14.1.2), when it is one range of bytes.
struct ByteRange {
  std::optional<uint64_t> first;  // none: the last `last` bytes
  std::optional<uint64_t> last;   // none: to the end

  // What it is of `size` bytes: from `begin` up to, not with, `end`. Nothing when it lies beyond them.
  struct Part {
    uint64_t begin;
    uint64_t end;
  };
  std::optional<Part> of(uint64_t size) const;
};

// Nothing when it is malformed, in another unit, or several ranges: then it is to be ignored.
std::optional<ByteRange> parse_range(std::string_view value);

}  // namespace portcullis::http
