#pragma once

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
    return ((lengths_ >> length_bit(name.size())) & 1) != 0 && is_listed(name);
  }
  // True when `name` is in the set by same_field_name() but not by a case-insensitive comparison.
  bool is_imitated_by(std::string_view name) const { return contains(name) && !is_listed_exactly(name); }
  bool empty() const { return names_.empty(); }

 private:
  // Names of 63 or more characters share a bit.
  static size_t length_bit(size_t length) { return length < 63 ? length : 63; }
  bool is_listed(std::string_view name) const;
  bool is_listed_exactly(std::string_view name) const;

  std::vector<std::string> names_;
  uint64_t lengths_ = 0;  // bit n: the set has a name of n characters
};

}  // namespace portcullis::http
