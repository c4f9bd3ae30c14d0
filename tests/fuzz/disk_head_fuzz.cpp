// What stands beside a body on the cache's disk: read without harm, and written again as it was read.

#include <cstdint>
#include <cstdlib>

#include "cache/disk_head.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace portcullis::cache;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)read_disk_head(text);
  // And what a right checksum lets through.
  const auto head = read_disk_head(seal_disk_head(text));
  if (!head) return 0;
  (void)head->revive();
  if (read_disk_head(write_disk_head(*head)) != head) std::abort();
  return 0;
}
