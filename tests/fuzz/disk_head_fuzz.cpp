// The head of a body on the cache's disk: parsed safely, and written back unchanged.

#include <cstdint>
#include <cstdlib>

#include "cache/disk_head.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace portcullis::cache;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)read_disk_head(text);
  // Again with a correct checksum, so that the parser behind the checksum is tested.
  const auto head = read_disk_head(seal_disk_head(text));
  if (!head) return 0;
  (void)head->revive();
  if (read_disk_head(write_disk_head(*head)) != head) std::abort();
  return 0;
}
