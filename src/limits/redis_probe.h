#pragma once

#include "base/result.h"
#include "redis/client.h"

namespace portcullis::limits {

// What the gateway keeps at a Redis server.
enum class RedisUse { kLimits, kLimitsAndQuotas };

// Connects as `settings` say, and does what limits do, and quotas, with the same commands and on keys of its
// own
// ("portcullis:doctor:..."), which expire within ten seconds. An error says why the server cannot be reached,
// or what it has refused. It waits, for two seconds at most at each step. Any thread.
Status probe_redis(const redis::Settings& settings, RedisUse use);

}  // namespace portcullis::limits
