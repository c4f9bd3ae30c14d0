#pragma once

#include "config/tls.h"
#include "redis/settings.h"

// The Redis servers that nodes share.
namespace portcullis::config {

struct Redis : redis::Settings {
  Location location{};
  UpstreamTls tls{};
  UpstreamTls sentinel_tls{};
};

Type<Redis> redis_type();
// Reports settings that contradict each other or lack their counterpart.
void check_redis(const Redis& redis, Diagnostics& diagnostics);
// The settings for the client, with the paths of the files of TLS resolved.
redis::Settings settings_of(const Redis& redis);

}  // namespace portcullis::config
