#include "routing/pattern.h"

namespace portcullis::routing {

std::string without_parameter_names(std::string_view pattern) {
  std::string out;
  out.reserve(pattern.size());
  while (!pattern.empty()) {
    const std::string_view segment = next_segment(pattern);
    out += '/';
    out += is_parameter(segment) ? "{_}" : segment;
  }
  return out;
}

}  // namespace portcullis::routing
