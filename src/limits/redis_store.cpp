#include <hiredis/hiredis.h>

#include <algorithm>

#include "limits/quota_store.h"
#include "redis/refusal.h"
#include "runtime/address.h"

namespace portcullis::limits {
namespace {

// Uses hiredis's blocking interface, because the quota store has its own thread.
class RedisStore final : public QuotaStore {
 public:
  explicit RedisStore(const redis::Settings& settings) : settings_(settings) {}
  ~RedisStore() override { close(); }

  bool is_shared() const override { return true; }
  Status exchange(std::vector<QuotaChange>& changes) override {
    if (context_ == nullptr) {
      if (Status connected = connect(); !connected) return connected;
    }
    // Sends everything in one transaction, so that a broken connection leaves either all or nothing applied.
    append({"MULTI"});
    for (const QuotaChange& change : changes) {
      const std::string key = "portcullis:quota:" + change.id + ":" + std::to_string(change.window);
      append({"INCRBY", key, std::to_string(change.added)});
      append({"EXPIRE", key, std::to_string(change.keep_hours * 3600)});
    }
    append({"EXEC"});
    // The server reports an error for the command that it refuses; for the transaction as a whole it then
    // only says that it was discarded.
    std::string refusal;
    for (size_t i = 0; i < changes.size() * 2 + 1; ++i) {
      redisReply* queued = read();
      if (queued == nullptr) return lost();
      if (queued->type == REDIS_REPLY_ERROR && refusal.empty()) refusal.assign(queued->str, queued->len);
      freeReplyObject(queued);
    }
    redisReply* done = read();
    if (done == nullptr) return lost();
    const bool good = done->type == REDIS_REPLY_ARRAY && done->elements == changes.size() * 2 &&
                      std::all_of(done->element, done->element + done->elements,
                                  [](const redisReply* one) { return one->type == REDIS_REPLY_INTEGER; });
    if (refusal.empty() && done->type == REDIS_REPLY_ERROR) refusal.assign(done->str, done->len);
    for (size_t i = 0; good && i < changes.size(); ++i)
      changes[i].total = static_cast<uint64_t>(done->element[2 * i]->integer);
    freeReplyObject(done);
    if (good) return {};
    return Error{"Redis " + settings_.address + ": " +
                 (refusal.empty() ? "an unexpected reply" : redis::describe_refusal(refusal))};
  }

 private:
  Status connect() {
    const auto wait = std::max(settings_.timeout, Milliseconds(1'000)).count();
    const timeval timeout{wait / 1000, (wait % 1000) * 1000};
    if (settings_.address.starts_with("unix:")) {
      context_ = redisConnectUnixWithTimeout(settings_.address.c_str() + 5, timeout);
    } else {
      const auto place = split_host_port(settings_.address);
      if (!place) return place.error();
      context_ = redisConnectWithTimeout(place->host.c_str(), place->port, timeout);
    }
    if (context_ == nullptr || context_->err != 0) return lost();
    redisSetTimeout(context_, timeout);
    const auto commands = redis::greeting(settings_);
    for (const std::vector<std::string>& words : commands) append(words);
    for (size_t i = 0; i < commands.size(); ++i) {
      redisReply* reply = read();
      if (reply == nullptr) return lost();
      const bool refused = reply->type == REDIS_REPLY_ERROR;
      const std::string why(refused ? reply->str : "", refused ? reply->len : 0);
      freeReplyObject(reply);
      if (refused) {
        close();
        return Error{"Redis " + settings_.address + ": " + redis::describe_refusal(why)};
      }
    }
    return {};
  }

  void append(const std::vector<std::string>& words) {
    std::vector<const char*> texts;
    std::vector<size_t> sizes;
    for (const std::string& word : words) {
      texts.push_back(word.data());
      sizes.push_back(word.size());
    }
    redisAppendCommandArgv(context_, static_cast<int>(texts.size()), texts.data(), sizes.data());
  }
  redisReply* read() {
    void* reply = nullptr;
    return redisGetReply(context_, &reply) == REDIS_OK ? static_cast<redisReply*>(reply) : nullptr;
  }
  Error lost() {
    const std::string why = context_ == nullptr ? "no memory" : context_->errstr;
    close();
    return Error{"Redis " + settings_.address + ": " + why};
  }
  void close() {
    if (context_ != nullptr) redisFree(context_);
    context_ = nullptr;
  }

  const redis::Settings settings_;
  redisContext* context_ = nullptr;
};

}  // namespace

std::unique_ptr<QuotaStore> make_redis_store(const redis::Settings& settings) {
  return std::make_unique<RedisStore>(settings);
}

}  // namespace portcullis::limits
