#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/enum_names.h"
#include "cache/store.h"
#include "config/value_types.h"
#include "policy/cache/engine.h"

namespace portcullis::policy::cache {

enum class ClientDirectives { kHonour, kIgnore };
constexpr auto names_of(ClientDirectives) {
  return std::to_array<EnumName<ClientDirectives>>(
      {{ClientDirectives::kHonour, "honour"}, {ClientDirectives::kIgnore, "ignore"}});
}

struct StatusLifetime {
  std::vector<config::StatusRange> status;
  std::chrono::milliseconds ttl{0};
};

struct CacheSettings {
  std::string key;                    // a template; empty when the key is the request's URI
  std::string when;                   // a condition; empty when the cache is for all requests
  std::chrono::milliseconds ttl{-1};  // negative when the lifetime is the one that the response states
  std::chrono::milliseconds default_ttl{-1};  // negative when there is no default
  std::vector<StatusLifetime> ttl_by_status;
  std::chrono::milliseconds stale_while_revalidate{0};
  std::chrono::milliseconds stale_if_error{0};
  uint64_t object_size = engine::Store::kNoLimit;
  bool coalesce = true;
  std::chrono::milliseconds wait{30'000};
  ClientDirectives client_directives = ClientDirectives::kHonour;
  std::vector<std::string> ignore_query;
  std::vector<std::string> targeted{"cdn-cache-control"};
  std::vector<std::string> tag_fields{"surrogate-key", "cache-tag"};
  bool status_field = true;
};

std::shared_ptr<config::ObjectType<CacheSettings>> cache_type();

}  // namespace portcullis::policy::cache
