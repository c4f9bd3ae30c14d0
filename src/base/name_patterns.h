#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace portcullis {

// A set of domain names, in lower case, as `api.example.com` or `*.example.com`, which stands for all names
// below example.com. Immutable; any thread.
class NamePatterns {
 public:
  NamePatterns() = default;
  explicit NamePatterns(const std::vector<std::string>& patterns);

  // Whether it has `name`, which is in lower case. Does not allocate; time grows with the labels of the name
  // and the logarithm of the patterns.
  bool contains(std::string_view name) const;
  bool empty() const { return exact_.empty() && domains_.empty(); }

 private:
  std::vector<std::string> exact_;    // sorted
  std::vector<std::string> domains_;  // sorted; of `*.example.com` the `.example.com`
};

}  // namespace portcullis
