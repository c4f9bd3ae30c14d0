#include "config/quotas.h"

namespace portcullis::config {

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
  if (quotas.redis && !redis.configured())
    diagnostics.error(quotas.location, "`quotas: {redis: true}` needs the settings `redis` at the top level");
}

}  // namespace portcullis::config
