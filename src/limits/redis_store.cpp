#include <optional>
#include <span>

#include "limits/quota_store.h"
#include "redis/blocking_client.h"
#include "redis/refusal.h"

namespace portcullis::limits {
namespace {

// Adds to a counter in a cluster, where each counter is on the node of its key. KEYS: the counter. ARGV: the
// usage, and the seconds for which it is kept.
constexpr std::string_view kAddScript = R"lua(
local total = redis.call('INCRBY', KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return total
)lua";

std::string key_of(const QuotaChange& change) {
  return "portcullis:quota:" + change.id + ":" + std::to_string(change.window);
}

std::string seconds_of(const QuotaChange& change) {
  return std::to_string(change.keep_hours * 3600);
}

void settle(QuotaChange& change, const redis::Reply& total) {
  change.fate = Fate::kStored;
  change.total = static_cast<uint64_t>(total.integer);
}

// The quota store has a thread of its own, which waits for the servers.
class RedisStore final : public QuotaStore {
 public:
  explicit RedisStore(redis::Settings settings) : settings_(std::move(settings)) {
    settings_.timeout = std::max(settings_.timeout, Milliseconds(1'000));
  }

  bool is_shared() const override { return true; }
  Status exchange(std::vector<QuotaChange>& changes) override {
    if (client_) client_->catch_up();
    const bool is_kept = client_.has_value();
    redis::Reply failure = try_exchange(changes);
    // A server may close an idle connection. What has not been sent is sent on a new one.
    if (is_kept && failure.kind == redis::Reply::Kind::kUnavailable && !failure.may_have_run)
      failure = try_exchange(changes);
    if (failure.kind == redis::Reply::Kind::kNil) return {};
    return Error{"Redis " + settings_.in_words() + ": " +
                 (failure.is_error() ? redis::describe_refusal(failure.text) : failure.text)};
  }

 private:
  // Stores the changes that are not stored. Returns the reply that tells of a failure, or kNil. After a
  // failed connection the next attempt begins with a new one, and does not wait until the old client tries
  // again.
  redis::Reply try_exchange(std::vector<QuotaChange>& changes) {
    if (!client_) client_.emplace(settings_);
    redis::Reply failure =
        settings_.cluster.empty() ? store_together(changes) : client_->wait(store_apart(changes));
    if (failure.kind == redis::Reply::Kind::kUnavailable) client_.reset();
    return failure;
  }

  // All in one transaction.
  redis::Reply store_together(std::vector<QuotaChange>& changes) {
    redis::Request request = redis::Request::of({"MULTI"});
    for (const QuotaChange& change : changes) {
      const std::string key = key_of(change);
      request.add({"INCRBY", key, std::to_string(change.added)});
      request.add({"EXPIRE", key, seconds_of(change)});
    }
    request.add({"EXEC"});
    redis::Reply done = client_->wait(client_->client().run(std::move(request), ""));
    if (done.kind == redis::Reply::Kind::kUnavailable && done.may_have_run) {
      for (QuotaChange& change : changes) change.fate = Fate::kUnknown;
    }
    if (done.kind != redis::Reply::Kind::kList) return failed(std::move(done));
    if (done.list.size() != changes.size() * 2) return redis::Reply::unavailable("an unexpected reply");
    redis::Reply failure = nothing();
    for (size_t i = 0; i < changes.size(); ++i) {
      redis::Reply& total = done.list[2 * i];
      if (total.kind == redis::Reply::Kind::kInteger) {
        settle(changes[i], total);
      } else {
        failure = failed(std::move(total));
      }
    }
    return failure;
  }

  // One by one, many at a time.
  Task<redis::Reply> store_apart(std::vector<QuotaChange>& changes) {
    redis::Reply failure = nothing();
    constexpr size_t kAtOnce = 256;
    for (size_t begin = 0; begin < changes.size(); begin += kAtOnce) {
      TaskGroup group;
      const size_t end = std::min(begin + kAtOnce, changes.size());
      for (size_t i = begin; i < end; ++i) {
        if (changes[i].fate == Fate::kNotStored) group.spawn(store_one(changes[i], failure));
      }
      co_await group.join();
      if (failure.kind == redis::Reply::Kind::kUnavailable) break;
    }
    co_return failure;
  }

  Task<void> store_one(QuotaChange& change, redis::Reply& failure) {
    static const std::string kName = redis::script_sha1(kAddScript);
    std::vector<std::string> keys{key_of(change)};
    std::vector<std::string> arguments{std::to_string(change.added), seconds_of(change)};
    redis::Reply reply =
        co_await client_->client().run_script(kAddScript, kName, std::move(keys), std::move(arguments));
    if (reply.kind == redis::Reply::Kind::kInteger) {
      settle(change, reply);
      co_return;
    }
    if (reply.may_have_run) change.fate = Fate::kUnknown;
    // One that was sent decides that nothing is tried again with this exchange.
    if (!failure.may_have_run) failure = failed(std::move(reply));
  }

  static redis::Reply nothing() {
    redis::Reply out;
    out.kind = redis::Reply::Kind::kNil;
    return out;
  }
  static redis::Reply failed(redis::Reply reply) {
    const bool tells = reply.is_error() || reply.kind == redis::Reply::Kind::kUnavailable;
    return tells ? std::move(reply) : redis::Reply::unavailable("an unexpected reply");
  }

  redis::Settings settings_;
  std::optional<redis::BlockingClient> client_;
};

}  // namespace

std::unique_ptr<QuotaStore> make_redis_store(const redis::Settings& settings) {
  return std::make_unique<RedisStore>(settings);
}

}  // namespace portcullis::limits
