#include "config/cache.h"

#include "config/field_types.h"

namespace portcullis::config {

Type<Cache> cache_type() {
  auto disk = std::make_shared<ObjectType<CacheDisk>>(
      "disk", "A directory for the bodies of large responses. A change needs a restart.");
  disk->required("path", &CacheDisk::path, text("/var/cache/portcullis"),
                 "The directory. Only one process at a time can use it. The gateway creates it when its "
                 "parent exists. The objects in it survive a restart and a crash.")
      .required("size", &CacheDisk::size, size(),
                "Max size of all bodies on the disk together, such as 20GiB.")
      .locate_last(&CacheDisk::size_location)
      .optional("min_object_size", &CacheDisk::min_object_size, size(),
                "Min size of a body on the disk; smaller bodies are stored in memory.")
      .locate_last(&CacheDisk::min_object_size_location)
      .optional("max_object_size", &CacheDisk::max_object_size, size(),
                "Max size of a body on the disk. Larger bodies are not stored, and neither are bodies larger "
                "than `object_size` of the policy.");
  auto cache = std::make_shared<ObjectType<Cache>>(
      "cache", "Memory and disk for stored responses, for the caches of all routes together.");
  cache
      ->optional("memory", &Cache::memory, size(),
                 "Max memory for all stored responses together. When it is full, the least requested "
                 "responses are removed first (S3-FIFO). A change needs a restart.")
      .optional("disk", &Cache::disk, disk, "A directory for the bodies of large responses.");
  return cache;
}

void check_cache(const Cache& cache, Diagnostics& diagnostics) {
  const CacheDisk& disk = cache.disk;
  if (disk.path.empty()) return;
  if (disk.size < disk.min_object_size)
    diagnostics.error(disk.size_location, "`size` is less than one object of `min_object_size`");
  if (disk.max_object_size < disk.min_object_size)
    diagnostics.error(disk.min_object_size_location,
                      "`min_object_size` is more than `max_object_size`: nothing would be stored on disk");
}

}  // namespace portcullis::config
