#pragma once

#include "policy/reasons.h"

namespace portcullis::policy::cache_policy {

// The reasons for which this policy ends requests.
struct Reasons {
  EndReason answered_from_cache{
      "answered_from_cache", 0,
      "The cache answered; the upstream was not asked. The log's `cache` says how."};
  EndReason only_if_cached{"only_if_cached", 504,
                           "The client asked only for what the cache has, and the cache has nothing for it."};
};

inline constexpr Reasons kReasons{};

}  // namespace portcullis::policy::cache_policy
