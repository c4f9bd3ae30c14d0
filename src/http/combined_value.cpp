#include "http/combined_value.h"

#include <cstring>

#include "base/text.h"

namespace portcullis::http {

std::string_view combined_value(const Fields& fields, std::string_view name, std::string_view separator,
                                Arena& arena) {
  std::string_view first;
  size_t count = 0;
  size_t size = 0;
  const auto for_each_value = [&](auto visit) {
    for (const Field& field : fields) {
      if (!field.value.empty() && equals_ignoring_case(field.name, name)) visit(field.value);
    }
  };
  for_each_value([&](std::string_view value) {
    if (count++ == 0) first = value;
    size += value.size();
  });
  if (count < 2) return first;
  size += separator.size() * (count - 1);
  char* const text = arena.allocate(size, 1);
  char* end = text;
  for_each_value([&](std::string_view value) {
    if (end != text)
      end = static_cast<char*>(std::memcpy(end, separator.data(), separator.size())) + separator.size();
    end = static_cast<char*>(std::memcpy(end, value.data(), value.size())) + value.size();
  });
  return {text, size};
}

}  // namespace portcullis::http
