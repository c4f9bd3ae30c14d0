#pragma once

#include "base/result.h"
#include "redis/settings.h"

namespace portcullis::limits {

// What the gateway stores on the Redis servers.
enum class RedisUse { kLimits, kLimitsAndQuotas };

// Connects to the Redis servers as `settings` describe, and runs the commands of limits and quotas on test
// keys
// ("portcullis:doctor:...") that expire within ten seconds. The error says why the servers cannot be reached,
// or which command was refused. Blocks for at most two seconds per step. Any thread.
Status probe_redis(redis::Settings settings, RedisUse use);

}  // namespace portcullis::limits
