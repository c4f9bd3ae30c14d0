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
// "gzip", "x-gzip", "br", "zstd", in any case.
std::optional<Coding> coding_of(std::string_view name);

// What Accept-Encoding says of codings (RFC 9110 section 12.5.3).
class Accepted {
 public:
  // All of the request's fields of that name, joined by commas.
  explicit Accepted(std::string_view list);

  // The one that the client likes best; of those that it likes alike the first of `offered`. Nothing: none of
  // them, or no coding at all is liked better.
  std::optional<Coding> best_of(const std::vector<Coding>& offered) const;
  bool takes(Coding coding) const { return weight_of(coding) > 0; }

 private:
  int weight_of(Coding coding) const;

  int weights_[3] = {-1, -1, -1};  // in thousandths; negative: not named
  int any_ = -1;                   // of `*`
  int identity_ = -1;
};

}  // namespace portcullis::compression
