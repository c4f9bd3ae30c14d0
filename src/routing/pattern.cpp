#include "routing/pattern.h"

#include <algorithm>

namespace portcullis::routing {

std::string without_parameter_names(std::string_view pattern) {
  std::string out;
  out.reserve(pattern.size());
  size_t copied = 0;
  for (size_t at = pattern.find("/{"); at != std::string_view::npos; at = pattern.find("/{", at + 1)) {
    const size_t end = std::min(pattern.find('/', at + 1), pattern.size());
    if (!is_parameter(pattern.substr(at + 1, end - at - 1))) continue;
    out += pattern.substr(copied, at + 1 - copied);
    out += "{_}";
    copied = end;
  }
  out += pattern.substr(copied);
  return out;
}

}  // namespace portcullis::routing
