#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "base/enum_names.h"

namespace portcullis::compression {

// Content codings (RFC 9110 section 8.4.1; RFC 7932, RFC 8878).
enum class Coding : unsigned char { kGzip, kBrotli, kZstd };

constexpr auto names_of(Coding) {
  return std::to_array<EnumName<Coding>>(
      {{Coding::kGzip, "gzip"}, {Coding::kBrotli, "br"}, {Coding::kZstd, "zstd"}});
}
// Parses "gzip", "x-gzip", "br" or "zstd", without regard to case.
std::optional<Coding> coding_of(std::string_view name);

// The codings that a request accepts, from Accept-Encoding (RFC 9110 section 12.5.3).
class Accepted {
 public:
  // `list` joins all Accept-Encoding fields of the request by commas.
  explicit Accepted(std::string_view list);

  // The coding with the highest weight; among equal weights the first of `offered`. Empty when none is
  // accepted, or when no coding (identity) is preferred.
  std::optional<Coding> best_of(const std::vector<Coding>& offered) const;
  bool takes(Coding coding) const { return weight_of(coding) > 0; }
  // Makes the coding one that is not accepted.
  void refuse(Coding coding) { weights_[static_cast<size_t>(coding)] = 0; }

 private:
  int weight_of(Coding coding) const;

  int weights_[3] = {-1, -1, -1};  // in thousandths; negative: not mentioned
  int any_ = -1;                   // weight of `*`
  int identity_ = -1;
};

}  // namespace portcullis::compression
