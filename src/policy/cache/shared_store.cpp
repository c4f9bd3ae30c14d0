#include "policy/cache/shared_store.h"

#include <utility>

#include "config/model.h"
#include "policy/services.h"

namespace portcullis::policy::cache {

Status SharedStore::start(const config::Config& config, Services& services) {
  Settings settings{.bytes = config.cache.memory};
  const config::CacheDisk& disk = config.cache.disk;
  if (!disk.path.empty()) {
    auto opened = engine::Disk::open({disk.path, disk.size, disk.min_object_size, disk.max_object_size},
                                     told_as(Fault::kCacheDisk));
    if (!opened) return opened.error();
    settings.disk = std::move(*opened);
  }
  services.get<SharedStore>(std::move(settings));
  return {};
}

}  // namespace portcullis::policy::cache
