#include "control/changed_bound.h"

#include <nlohmann/json.hpp>

#include <charconv>
#include <string>
#include <string_view>

namespace portcullis::control {

Result<ChangedBound> ChangedBound::read(const nlohmann::json& value) {
  const Error wrong{"`max_changed` is a number of requests, such as 20, or a share of them, such as \"5%\""};
  ChangedBound out;
  if (value.is_number_integer() && value >= 0) {
    out.count_ = value.get<uint64_t>();
    return out;
  }
  if (!value.is_string()) return wrong;
  std::string_view text = value.get_ref<const std::string&>();
  const bool is_share = text.ends_with('%');
  if (is_share) text.remove_suffix(1);
  const char* const end = text.data() + text.size();
  // A sign or an exponent is not a form of these numbers.
  if (text.empty() || text.find_first_not_of("0123456789.") != std::string_view::npos) return wrong;
  const auto read = is_share ? std::from_chars(text.data(), end, out.percent_, std::chars_format::fixed)
                             : std::from_chars(text.data(), end, out.count_);
  if (read.ec != std::errc() || read.ptr != end || out.percent_ > 100) return wrong;
  return out;
}

bool ChangedBound::is_exceeded(uint64_t changed, uint64_t replayed) const {
  if (percent_ < 0) return changed > count_;
  return static_cast<double>(changed) * 100 > percent_ * static_cast<double>(replayed);
}

}  // namespace portcullis::control
