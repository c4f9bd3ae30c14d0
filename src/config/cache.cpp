#include "config/cache.h"

#include "config/field_types.h"

namespace portcullis::config {

Type<Cache> cache_type() {
  auto disk = std::make_shared<ObjectType<CacheDisk>>(
      "disk", "A directory for the bodies of large responses. A change needs a restart.");
  disk->required(
          "path", &CacheDisk::path, text("/var/cache/portcullis"),
          "The directory, of one process at a time; it is made where its parent is there. What lies in it "
          "survives a restart and a crash.")
      .required("size", &CacheDisk::size, size(), "All of them together, as 20GiB.")
      .locate_last(&CacheDisk::size_location)
      .optional("min_object_size", &CacheDisk::min_object_size, size(), "Smaller bodies stay in memory.")
      .locate_last(&CacheDisk::min_object_size_location)
      .optional(
          "max_object_size", &CacheDisk::max_object_size, size(),
          "Larger bodies are not kept, and neither are those larger than their policy's `object_size`.");
  auto cache =
      std::make_shared<ObjectType<Cache>>("cache", "What the responses that `cache` policies keep may take.");
  cache
      ->optional("memory", &Cache::memory, size(),
                 "All of them together. When it is full those are given up first that are asked for least "
                 "(S3-FIFO). A change needs a restart.")
      .optional("disk", &Cache::disk, disk, "Where large responses are kept.");
  return cache;
}

void check_cache(const Cache& cache, Diagnostics& diagnostics) {
  const CacheDisk& disk = cache.disk;
  if (disk.path.empty()) return;
  if (disk.size < disk.min_object_size)
    diagnostics.error(disk.size_location, "`size` is less than one object of `min_object_size`");
  if (disk.max_object_size < disk.min_object_size)
    diagnostics.error(disk.min_object_size_location,
                      "`min_object_size` is more than `max_object_size`: nothing would be kept on disk");
}

}  // namespace portcullis::config
