#pragma once

#include <cstdint>

#include "cache/disk_settings.h"
#include "config/schema.h"

namespace portcullis::config {

// The disk cache for large responses.
struct CacheDisk : cache::DiskSettings {
  Location size_location{};
  Location min_object_size_location{};
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
