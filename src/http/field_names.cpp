#include "http/field_names.h"

#include <algorithm>

#include "base/text.h"

namespace portcullis::http {
namespace {

char folded(char c) {
  return c == '_' ? '-' : ascii_lower(c);
}

}  // namespace

bool same_field_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return x == y || folded(x) == folded(y); });
}

void FieldNames::add(std::string_view name) {
  if (is_listed_exactly(name)) return;
  names_.emplace_back(name);
  filter_[bit_of(name) / 64] |= uint64_t{1} << (bit_of(name) % 64);
}

bool FieldNames::is_listed(std::string_view name) const {
  return std::any_of(names_.begin(), names_.end(),
                     [name](const std::string& one) { return same_field_name(one, name); });
}

bool FieldNames::is_listed_exactly(std::string_view name) const {
  return std::any_of(names_.begin(), names_.end(),
                     [name](const std::string& one) { return equals_ignoring_case(one, name); });
}

}  // namespace portcullis::http
