#include "config/redis.h"

#include <algorithm>

#include "config/marked_type.h"
#include "config/upstream.h"
#include "runtime/address.h"

namespace portcullis::config {
namespace {

Type<std::string> server_type(const char* example) {
  return checked_text("an address", "", example, check_target_address);
}

void describe_servers(ObjectType<Redis>& redis) {
  redis.locate(&Redis::location)
      .optional(
          "address", &Redis::address, server_type("redis.internal:6379"),
          "One server: `address:port`, `[IPv6]:port`, `name:port` or `unix:/path`. Of a name with several "
          "addresses, the first one that accepts connections is used.")
      .optional("sentinels", &Redis::sentinels,
                list_of<std::string>(server_type("sentinel-1.internal:26379")),
                "In place of `address`: the Redis Sentinels that name the primary and tell of a failover.")
      .optional("master_name", &Redis::master_name, text("limits"),
                "The name by which the sentinels know the primary (`sentinel monitor NAME ...`).")
      .optional("cluster", &Redis::cluster, list_of<std::string>(server_type("redis-1.internal:6379")),
                "In place of `address`: some nodes of a Redis Cluster. The others are learned from them.");
}

void describe_users(ObjectType<Redis>& redis) {
  redis
      .optional("username", &Redis::username, text("gateway"),
                "The user in the access control list of the servers.")
      .optional("password", &Redis::password, secret(text("'${REDIS_PASSWORD}'")),
                "The password of that user, or of the servers. It is best a `${VARIABLE}` or `${file:...}`.")
      .optional("sentinel_username", &Redis::sentinel_username, text("gateway"),
                "The user in the access control list of the sentinels.")
      .optional(
          "sentinel_password", &Redis::sentinel_password, secret(text("'${SENTINEL_PASSWORD}'")),
          "The password of that user, or of the sentinels. It is best a `${VARIABLE}` or `${file:...}`.");
}

std::optional<redis::Tls> tls_of(const UpstreamTls& told) {
  if (!told.enabled()) return std::nullopt;
  redis::Tls out{told};
  out.ca = told.location.beside(told.ca);
  out.cert = told.location.beside(told.cert);
  out.key = told.location.beside(told.key);
  out.server_name = told.server_name;
  return out;
}

}  // namespace

Type<Redis> redis_type() {
  auto redis = std::make_shared<ObjectType<Redis>>("redis",
                                                   "The Redis servers in which all nodes count rate limits "
                                                   "and quotas together. A change needs a restart.");
  describe_servers(*redis);
  describe_users(*redis);
  redis
      ->optional("tls", &Redis::tls, client_tls_type("redis_tls", "Redis servers"),
                 "TLS towards the servers. Changed files are used for new connections.")
      .optional("sentinel_tls", &Redis::sentinel_tls, client_tls_type("redis_tls", "Redis servers"),
                "TLS towards the sentinels.")
      .optional("database", &Redis::database, integer(0, 1'000'000),
                "The number of the database on the server. A cluster has the database 0 only.")
      .optional("timeout", &Redis::timeout, time_limit(),
                "Max time that a request waits for Redis. After that, `on_error` of the policy decides.");
  return redis;
}

void check_redis(const Redis& redis, Diagnostics& diagnostics) {
  const auto refuse = [&](const char* problem) { diagnostics.error(redis.location, problem); };
  if (redis.location.line_read == 0) return;
  const int places =
      (redis.address.empty() ? 0 : 1) + (redis.sentinels.empty() ? 0 : 1) + (redis.cluster.empty() ? 0 : 1);
  if (places != 1) refuse("`redis` needs one of `address`, `sentinels` and `cluster`");
  if (!redis.sentinels.empty() && redis.master_name.empty())
    refuse("`sentinels` needs `master_name`, the name by which the sentinels know the primary");
  const bool has_sentinel_keys = !redis.master_name.empty() || !redis.sentinel_username.empty() ||
                                 !redis.sentinel_password.empty() || redis.sentinel_tls.enabled();
  if (redis.sentinels.empty() && has_sentinel_keys)
    refuse(
        "`master_name`, `sentinel_username`, `sentinel_password` and `sentinel_tls` have no effect without "
        "`sentinels`");
  if (!redis.cluster.empty() && redis.database != 0) refuse("a Redis Cluster has the `database` 0 only");
  if (redis.password.empty() && !redis.username.empty()) refuse("`username` of `redis` needs `password`");
  if (redis.sentinel_password.empty() && !redis.sentinel_username.empty())
    refuse("`sentinel_username` needs `sentinel_password`");
  if (redis.tls.enabled() && redis.tls.verify && redis.tls.server_name.empty() &&
      redis.address.starts_with("unix:"))
    refuse("a Unix socket has no name to verify: `tls` of `redis` needs `server_name`");
}

redis::Settings settings_of(const Redis& redis) {
  redis::Settings out = redis;
  out.server_tls = tls_of(redis.tls);
  out.sentinels_tls = tls_of(redis.sentinel_tls);
  return out;
}

}  // namespace portcullis::config
