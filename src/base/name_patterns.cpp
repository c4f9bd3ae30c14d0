#include "base/name_patterns.h"

#include <algorithm>
#include <functional>

namespace portcullis {

NamePatterns::NamePatterns(const std::vector<std::string>& patterns) {
  for (const std::string& pattern : patterns) {
    if (pattern.starts_with("*.")) {
      domains_.push_back(pattern.substr(1));
    } else {
      exact_.push_back(pattern);
    }
  }
  std::sort(exact_.begin(), exact_.end());
  std::sort(domains_.begin(), domains_.end());
}

bool NamePatterns::contains(std::string_view name) const {
  if (std::binary_search(exact_.begin(), exact_.end(), name, std::less<>())) return true;
  if (domains_.empty()) return false;
  for (size_t dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.', dot + 1)) {
    if (dot > 0 && std::binary_search(domains_.begin(), domains_.end(), name.substr(dot), std::less<>()))
      return true;
  }
  return false;
}

}  // namespace portcullis
