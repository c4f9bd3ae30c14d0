#pragma once

#include "base/result.h"
#include "redis/client.h"

namespace portcullis::limits {

// What the gateway stores on a Redis server.
enum class RedisUse { kLimits, kLimitsAndQuotas };

// Connects to a Redis server as `settings` describe, and runs the commands of limits and quotas on test keys
// ("portcullis:doctor:...") that expire within ten seconds. The error says why the server cannot be reached,
// or which command it has refused. Blocks for at most two seconds per step. Any thread.
Status probe_redis(const redis::Settings& settings, RedisUse use);

}  // namespace portcullis::limits
