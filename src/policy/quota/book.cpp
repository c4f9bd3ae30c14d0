#include "policy/quota/book.h"

#include <utility>

#include "config/model.h"
#include "limits/quota_store.h"
#include "policy/services.h"

namespace portcullis::policy::quota {

Status Book::start(const config::Config& config, Services& services) {
  Settings settings{.interval = config.quotas.interval};
  if (!config.quotas.file.empty()) {
    auto opened = limits::open_sqlite_store(config.quotas.file);
    if (!opened) return opened.error();
    settings.store = std::move(*opened);
  } else if (config.quotas.redis) {
    settings.store = limits::make_redis_store(config::settings_of(config.redis));
  }
  // Without a store, the first policy that asks for the engine starts it. With a store, the engine starts
  // with the process, so that no counts are lost when a reload could not start its thread.
  if (settings.store) services.get<Book>(std::move(settings));
  return {};
}

}  // namespace portcullis::policy::quota
