#pragma once

#include "policy/reasons.h"

namespace portcullis::policy::cache {

// The reasons for which this policy ends requests.
struct Reasons {
  EndReason answered_from_cache{
      "answered_from_cache", 0,
      "The cache answered, without asking the upstream. The log's `cache` says with which outcome."};
  EndReason only_if_cached{"only_if_cached", 504,
                           "The client asked for a stored response only (`only-if-cached`), and the cache "
                           "has none for the request."};
};

inline constexpr Reasons kReasons{};

}  // namespace portcullis::policy::cache
