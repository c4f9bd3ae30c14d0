#pragma once

#include <string>
#include <vector>

namespace portcullis::policy {

// A property of the caller that a condition or a template reads. The property has no value when no policy has
// authenticated the request.
struct CallerRead {
  enum class Source { kConsumer, kClaims };

  Source source;
  std::string written;     // the variable as written in the configuration: "consumer.groups", "claim.sub"
  std::string group{};     // the group that the caller's groups are compared with; empty when there is none
  std::string consumer{};  // the name that the caller's name is compared with; empty when there is none
};
using CallerReads = std::vector<CallerRead>;

}  // namespace portcullis::policy
