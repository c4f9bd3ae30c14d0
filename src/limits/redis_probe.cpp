#include "limits/redis_probe.h"

#include <string>
#include <utility>
#include <vector>

#include "limits/cluster_script.h"
#include "redis/blocking_client.h"
#include "redis/refusal.h"

namespace portcullis::limits {
namespace {

constexpr Milliseconds kPatience{2'000};
// Keys with the same braces are on one node of a cluster.
constexpr std::string_view kBucket = "portcullis:doctor:{limits}:bucket";
constexpr std::string_view kWindow = "portcullis:doctor:{limits}:window";
constexpr std::string_view kQuota = "portcullis:doctor:{limits}:quota";
constexpr std::string_view kSeconds = "10";
constexpr std::string_view kCountOnce =
    "local total = redis.call('INCRBY', KEYS[1], 1) redis.call('EXPIRE', KEYS[1], 10) return total";

using Words = std::vector<std::string_view>;

// One limit of each algorithm: ten per second.
Words charge(std::string_view command, std::string_view script) {
  return {command, script, "2",       kBucket, kWindow, "charge", "1",       "1",
          "0",     "10",   "1000000", "10",    "1",     "10",     "1000000", "10"};
}

Status run_command(redis::BlockingClient& client, const Words& words) {
  const redis::Reply reply =
      client.wait(client.client().run(redis::Request::of(words), std::string(kBucket)));
  if (reply.kind == redis::Reply::Kind::kUnavailable) return Error{reply.text};
  if (!reply.is_error()) return {};
  return Error{redis::describe_refusal(reply.text) + " (it was asked for " + std::string(words[0]) + ")"};
}

}  // namespace

Status probe_redis(redis::Settings settings, RedisUse use) {
  const bool is_cluster = !settings.cluster.empty();
  settings.timeout = kPatience;
  redis::BlockingClient client(settings);
  const std::string sha1 = redis::script_sha1(kClusterScript);
  std::vector<Words> commands{charge("EVAL", kClusterScript), charge("EVALSHA", sha1)};
  if (use == RedisUse::kLimitsAndQuotas && is_cluster) {
    commands.push_back({"EVAL", kCountOnce, "1", kQuota});
  } else if (use == RedisUse::kLimitsAndQuotas) {
    commands.push_back({"INCRBY", kQuota, "1"});
    commands.push_back({"EXPIRE", kQuota, kSeconds});
    commands.push_back({"MULTI"});
    commands.push_back({"EXEC"});
  }
  for (const Words& words : commands) {
    if (Status done = run_command(client, words); !done) return done;
  }
  return {};
}

}  // namespace portcullis::limits
