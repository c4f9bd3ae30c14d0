#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace portcullis::http {

// True when a backend that turns field names into variables (CGI, WSGI) cannot distinguish the two names:
// case is ignored, and '_' equals '-'.
bool same_field_name(std::string_view a, std::string_view b);

// A set of field names, compared by same_field_name(). Built once with the configuration, then read by any
// thread.
class FieldNames {
 public:
  FieldNames() = default;
  explicit FieldNames(const std::vector<std::string>& names) {
    for (const std::string& name : names) add(name);
  }

  void add(std::string_view name);
  bool contains(std::string_view name) const {
    const size_t bit = bit_of(name);
    return ((filter_[bit / 64] >> (bit % 64)) & 1) != 0 && is_listed(name);
  }
  // True when `name` is in the set by same_field_name() but not by a case-insensitive comparison.
  bool is_imitated_by(std::string_view name) const { return contains(name) && !is_listed_exactly(name); }
  bool empty() const { return names_.empty(); }

 private:
  // Names that are the same by same_field_name() have the same bit. Most others have another one: the length,
  // the first and the last letter decide.
  static size_t bit_of(std::string_view name) {
    if (name.empty()) return 0;
    const auto letter = [](char c) { return static_cast<unsigned char>(c == '_' ? '-' : c) & 31u; };
    return (name.size() * 32 + letter(name.back()) + 37 * letter(name.front())) % kBits;
  }
  bool is_listed(std::string_view name) const;
  bool is_listed_exactly(std::string_view name) const;

  std::vector<std::string> names_;
  static constexpr size_t kBits = 1024;
  std::array<uint64_t, kBits / 64> filter_{};  // the bits of all names
};

}  // namespace portcullis::http
