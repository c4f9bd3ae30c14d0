#pragma once

#include <cstdint>
#include <string>

#include "config/schema.h"

namespace portcullis::config {

// The disk cache for large responses.
struct CacheDisk {
  std::string path{};  // empty: no disk cache
  uint64_t size = 0;
  Location size_location{};
  uint64_t min_object_size = 1 << 20;
  Location min_object_size_location{};
  uint64_t max_object_size = 1 << 30;
};

// The space for stored responses.
struct Cache {
  uint64_t memory = 64 << 20;
  CacheDisk disk{};
};

Type<Cache> cache_type();
// Reports sizes that contradict each other.
void check_cache(const Cache& cache, Diagnostics& diagnostics);

}  // namespace portcullis::config
