#include "http/range.h"

#include <algorithm>

#include "base/text.h"

namespace portcullis::http {

std::optional<ByteRange> parse_range(std::string_view value) {
  const size_t equals = value.find('=');
  if (equals == std::string_view::npos || !equals_ignoring_case(trim(value.substr(0, equals)), "bytes"))
    return std::nullopt;
  const std::string_view range = trim(value.substr(equals + 1));
  const size_t dash = range.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const std::string_view first = range.substr(0, dash);
  const std::string_view last = range.substr(dash + 1);
  ByteRange out;
  if (!first.empty()) {
    out.first = parse_decimal(first);
    if (!out.first) return std::nullopt;
  }
  if (!last.empty()) {
    out.last = parse_decimal(last);
    if (!out.last) return std::nullopt;
  }
  if (!out.first && !out.last) return std::nullopt;
  if (out.first && out.last && *out.last < *out.first) return std::nullopt;
  return out;
}

std::optional<ByteRange::Part> ByteRange::of(uint64_t size) const {
  if (!first) {
    if (*last == 0 || size == 0) return std::nullopt;
    return Part{size - std::min(*last, size), size};
  }
  if (*first >= size) return std::nullopt;
  return Part{*first, last && *last < size ? *last + 1 : size};
}

}  // namespace portcullis::http
