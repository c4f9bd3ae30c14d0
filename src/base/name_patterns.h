#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace portcullis {

// A set of lower-case domain name patterns: `api.example.com` matches that name only, `*.example.com` matches
// every name below example.com. Immutable; any thread.
class NamePatterns {
 public:
  NamePatterns() = default;
  explicit NamePatterns(const std::vector<std::string>& patterns);

  // True when a pattern matches `name`, which must be in lower case. Does not allocate; the time grows with
  // the number of labels in `name` and the logarithm of the number of patterns.
  bool contains(std::string_view name) const;
  bool empty() const { return exact_.empty() && domains_.empty(); }

 private:
  std::vector<std::string> exact_;    // sorted
  std::vector<std::string> domains_;  // sorted; `*.example.com` is stored as `.example.com`
};

}  // namespace portcullis
