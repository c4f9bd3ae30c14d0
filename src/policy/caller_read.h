#pragma once

#include <string>
#include <vector>

namespace portcullis::policy {

// Something that a condition or a text with variables reads of the caller: it has no value where no policy
// has authenticated the request.
struct CallerRead {
  enum class Source { kConsumer, kClaims };

  Source source;
  std::string written;     // as in the configuration: "consumer.groups", "claim.sub"
  std::string group{};     // that the caller's groups are compared with; empty: none
  std::string consumer{};  // that the caller's name is compared with; empty: none
};
using CallerReads = std::vector<CallerRead>;

}  // namespace portcullis::policy
