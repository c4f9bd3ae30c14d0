#include "limits/redis_probe.h"

#include <hiredis/hiredis.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "limits/cluster_script.h"
#include "redis/refusal.h"
#include "runtime/address.h"

namespace portcullis::limits {
namespace {

constexpr timeval kPatience{2, 0};
constexpr const char* kQuota = "portcullis:doctor:quota";
constexpr const char* kSeconds = "10";

struct Freed {
  void operator()(redisContext* context) const { ::redisFree(context); }
  void operator()(redisReply* reply) const { ::freeReplyObject(reply); }
};
using Connection = std::unique_ptr<redisContext, Freed>;

Status connect_to(const std::string& address, Connection& out) {
  if (address.starts_with("unix:")) {
    out.reset(::redisConnectUnixWithTimeout(address.c_str() + 5, kPatience));
  } else {
    const auto place = split_host_port(address);
    if (!place) return place.error();
    // hiredis expects IPv6 addresses without brackets, as they are stored here.
    out.reset(::redisConnectWithTimeout(place->host.c_str(), place->port, kPatience));
  }
  if (!out) return Error{"there is no memory for a connection"};
  if (out->err != 0) return Error{std::string("it cannot be reached: ") + out->errstr};
  ::redisSetTimeout(out.get(), kPatience);
  return {};
}

Status run_command(redisContext& connection, const std::vector<std::string>& words) {
  std::vector<const char*> texts;
  std::vector<size_t> sizes;
  for (const std::string& word : words) {
    texts.push_back(word.data());
    sizes.push_back(word.size());
  }
  const std::unique_ptr<redisReply, Freed> reply(static_cast<redisReply*>(
      ::redisCommandArgv(&connection, static_cast<int>(texts.size()), texts.data(), sizes.data())));
  if (!reply) return Error{std::string("the server does not answer ") + words[0] + ": " + connection.errstr};
  if (reply->type != REDIS_REPLY_ERROR) return {};
  return Error{redis::describe_refusal({reply->str, reply->len}) + " (it was asked for " + words[0] + ")"};
}

}  // namespace

Status probe_redis(const redis::Settings& settings, RedisUse use) {
  Connection connection;
  if (Status connected = connect_to(settings.address, connection); !connected) return connected;
  std::vector<std::vector<std::string>> commands = redis::greeting(settings);
  // One limit of each algorithm: ten per second.
  const std::vector<std::string> limits{"2",
                                        "portcullis:doctor:bucket",
                                        "portcullis:doctor:window",
                                        "charge",
                                        "1",
                                        "1",
                                        "0",
                                        "10",
                                        "1000000",
                                        "10",
                                        "1",
                                        "10",
                                        "1000000",
                                        "10"};
  for (const auto& [command, script] :
       {std::pair<std::string, std::string>("EVAL", kClusterScript),
        std::pair<std::string, std::string>("EVALSHA", redis::script_sha1(kClusterScript))}) {
    std::vector<std::string>& words = commands.emplace_back(std::vector<std::string>{command, script});
    words.insert(words.end(), limits.begin(), limits.end());
  }
  if (use == RedisUse::kLimitsAndQuotas) {
    commands.push_back({"INCRBY", kQuota, "1"});
    commands.push_back({"EXPIRE", kQuota, kSeconds});
    commands.push_back({"MULTI"});
    commands.push_back({"EXEC"});
  }
  for (const std::vector<std::string>& words : commands) {
    if (Status done = run_command(*connection, words); !done) return done;
  }
  return {};
}

}  // namespace portcullis::limits
