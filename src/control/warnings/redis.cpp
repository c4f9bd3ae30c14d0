// Finds settings of Redis that are probably mistakes.

#include <algorithm>

#include "control/warnings/warnings.h"
#include "runtime/address.h"

namespace portcullis::control::warnings {
namespace {

// True when only this machine can read what is sent to the address.
bool is_local(const std::string& text) {
  if (text.starts_with("localhost:")) return true;
  const auto address = SocketAddress::parse(text);
  return address && address->is_local();
}

}  // namespace

void find_redis_passwords_without_tls(const Facts& facts, Report& report) {
  const config::Redis& redis = facts.config().redis;
  const auto check = [&](const std::vector<std::string>& places, const std::string& password,
                         const config::UpstreamTls& tls, const std::string& keys) {
    const auto remote = std::find_if_not(places.begin(), places.end(), is_local);
    if (password.empty() || tls.enabled() || remote == places.end()) return;
    report.add(redis.location, "the password for `" + *remote +
                                   "` is sent over the network without encryption: give `redis` " + keys);
  };
  std::vector<std::string> servers = redis.cluster;
  if (!redis.address.empty()) servers.push_back(redis.address);
  // The sentinels name servers beside them.
  servers.insert(servers.end(), redis.sentinels.begin(), redis.sentinels.end());
  check(servers, redis.password, redis.tls, "`tls: {}`");
  check(redis.sentinels, redis.sentinel_password, redis.sentinel_tls, "`sentinel_tls: {}`");
}

}  // namespace portcullis::control::warnings
