#include "config/quotas.h"

#include "config/upstream.h"

namespace portcullis::config {

Type<Redis> redis_type() {
  auto redis = std::make_shared<ObjectType<Redis>>(
      "redis",
      "The Redis server in which all nodes count rate limits and quotas together. A change needs a restart.");
  redis
      ->required(
          "address", &Redis::address,
          checked_text("an address", "", "redis.internal:6379", check_target_address),
          "`address:port`, `[IPv6]:port`, `name:port` or `unix:/path`. Of a name with several addresses, "
          "the first one that accepts connections is used.")
      .optional("username", &Redis::username, text("gateway"),
                "The user in the access control list of the server.")
      .optional("password", &Redis::password, text("'${REDIS_PASSWORD}'"),
                "The password of that user, or of the server. It is best a `${VARIABLE}` or `${file:...}`.")
      .optional("database", &Redis::database, integer(0, 1'000'000),
                "The number of the database on the server.")
      .optional("timeout", &Redis::timeout, time_limit(),
                "Max time that a request waits for Redis. After that, `on_error` of the policy decides.");
  return redis;
}

Type<Quotas> quotas_type() {
  auto quotas = std::make_shared<ObjectType<Quotas>>(
      "quotas", "The place of the counters of quotas: a file, or Redis. A change needs a restart.");
  quotas->locate(&Quotas::location)
      .optional("file", &Quotas::file, text("/var/lib/portcullis/quotas.db"),
                "The file for the counters of one node (SQLite). The gateway creates it. A relative path "
                "begins at the working directory of the gateway.")
      .optional(
          "redis", &Quotas::redis, boolean(),
          "Whether the counters are in the Redis server of `redis` at the top level, for all nodes together.")
      .optional("interval", &Quotas::interval, duration(),
                "The time between two writes of the counters. With Redis, the counts of the other nodes are "
                "read at the same time. A crash loses the counts since the last write, and a quota can be "
                "exceeded by the counts that other nodes add meanwhile.");
  return quotas;
}

void check_quotas(const Quotas& quotas, const Redis& redis, Diagnostics& diagnostics) {
  if (!quotas.file.empty() && quotas.redis)
    diagnostics.error(quotas.location, "`quotas` has both `file` and `redis`: remove one of them");
  if (quotas.redis && redis.address.empty())
    diagnostics.error(quotas.location, "`quotas: {redis: true}` needs the settings `redis` at the top level");
}

}  // namespace portcullis::config
