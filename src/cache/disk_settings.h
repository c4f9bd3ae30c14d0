#pragma once

#include <cstdint>
#include <string>

namespace portcullis::cache {

// The disk for large stored responses. The members have the names of the configuration's keys.
struct DiskSettings {
  std::string path{};                  // of the directory; empty: no disk cache
  uint64_t size = 0;                   // max bytes of all bodies
  uint64_t min_object_size = 1 << 20;  // min size of a body on disk; smaller bodies stay in memory
  uint64_t max_object_size = 1 << 30;

  bool operator==(const DiskSettings&) const = default;
};

}  // namespace portcullis::cache
