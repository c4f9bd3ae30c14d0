#include "limits/cluster_limits.h"

#include <algorithm>
#include <utility>

#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "limits/cluster_script.h"

namespace portcullis::limits {
namespace {

using std::chrono::microseconds;

std::vector<std::string> arguments(const char* mode, uint64_t amount, uint64_t min) {
  return {mode, std::to_string(amount), std::to_string(min)};
}

void add_limit(std::vector<std::string>& out, const Limit& limit) {
  out.push_back(limit.algorithm == Algorithm::kTokenBucket ? "0" : "1");
  out.push_back(std::to_string(limit.amount));
  out.push_back(std::to_string(microseconds(limit.period).count()));
  out.push_back(std::to_string(limit.burst));
}

// True when the reply has the format of the script's answer.
bool is_answer(const redis::Reply& reply, size_t limits) {
  return reply.kind == redis::Reply::Kind::kList && reply.list.size() == 2 + 3 * limits &&
         std::all_of(reply.list.begin(), reply.list.end(),
                     [](const redis::Reply& one) { return one.kind == redis::Reply::Kind::kInteger; });
}

Verdict verdict_at(const redis::Reply& reply, size_t limit) {
  const auto number = [&](size_t at) { return std::max<int64_t>(reply.list[2 + 3 * limit + at].integer, 0); };
  Verdict out;
  out.allowed = reply.list[0].integer == 1 || number(2) == 0;
  out.remaining = static_cast<uint64_t>(number(0));
  out.reset = microseconds(number(1));
  out.retry_after = microseconds(number(2));
  return out;
}

const std::string& script_name() {
  static const std::string name = redis::script_sha1(kClusterScript);
  return name;
}

}  // namespace

std::string cluster_group(std::string_view limit) {
  const crypto::Digest256 digest = crypto::sha256(limit);
  return crypto::hex_encode(crypto::text_of(digest).substr(0, 8));
}

std::string cluster_key(std::string_view limit, std::string_view key, std::string_view group) {
  std::string text(limit);
  text += '\n';
  text += key;
  const crypto::Digest256 digest = crypto::sha256(text);
  std::string out = "portcullis:limit:";
  if (!group.empty()) out.append("{").append(group).append("}:");
  return out += crypto::hex_encode(crypto::text_of(digest).substr(0, 16));
}

Task<std::optional<std::vector<Verdict>>> ClusterLimits::charge(std::vector<ClusterCharge> charges,
                                                                uint64_t cost) {
  return run("charge", std::move(charges), cost);
}

Task<std::optional<std::vector<Verdict>>> ClusterLimits::look(std::vector<ClusterCharge> charges,
                                                              uint64_t cost) {
  return run("look", std::move(charges), cost);
}

Task<std::optional<std::vector<Verdict>>> ClusterLimits::run(const char* mode,
                                                             std::vector<ClusterCharge> charges,
                                                             uint64_t cost) {
  std::vector<std::string> keys, words = arguments(mode, cost, cost);
  for (ClusterCharge& one : charges) {
    keys.push_back(std::move(one.key));
    add_limit(words, one.limit);
  }
  const redis::Reply reply =
      co_await client_.run_script(kClusterScript, script_name(), std::move(keys), std::move(words));
  if (!is_answer(reply, charges.size())) co_return std::nullopt;
  std::vector<Verdict> out;
  for (size_t i = 0; i < charges.size(); ++i) out.push_back(verdict_at(reply, i));
  co_return out;
}

void ClusterLimits::force(const ClusterCharge& charge, uint64_t cost) {
  tasks_.spawn(send_force(charge, cost));
}

Task<void> ClusterLimits::send_force(ClusterCharge charge, uint64_t cost) {
  std::vector<std::string> keys{std::move(charge.key)}, words = arguments("force", cost, 0);
  add_limit(words, charge.limit);
  co_await client_.run_script(kClusterScript, script_name(), std::move(keys), std::move(words));
}

const ClusterLimits::Lease* ClusterLimits::find(uint64_t hash) const {
  const Lease* set = &leases_[hash % kSets * kWays];
  for (size_t i = 0; i < kWays; ++i) {
    if (set[i].hash == hash) return &set[i];
  }
  return nullptr;
}

ClusterLimits::Lease* ClusterLimits::find(uint64_t hash) {
  return const_cast<Lease*>(std::as_const(*this).find(hash));
}

// A new lease replaces the least recently used one; the tokens left in the replaced lease are lost to this
// worker.
ClusterLimits::Lease& ClusterLimits::lease_of(uint64_t hash, Clock::time_point now) {
  Lease* lease = find(hash);
  if (lease == nullptr) {
    Lease* set = &leases_[hash % kSets * kWays];
    lease = std::min_element(set, set + kWays, [](const Lease& a, const Lease& b) {
      return std::pair(a.asking, a.used) < std::pair(b.asking, b.used);
    });
    *lease = {};
    lease->hash = hash;
  }
  lease->used = now;
  return *lease;
}

Verdict ClusterLimits::verdict_of(const Lease& lease, bool allowed, Clock::time_point now) const {
  const auto until = [now](Clock::time_point moment) {
    return std::max(microseconds(0), std::chrono::duration_cast<microseconds>(moment - now));
  };
  Verdict out;
  out.allowed = allowed;
  out.remaining = allowed ? lease.remaining + lease.tokens : 0;
  out.reset = until(lease.full_at);
  out.retry_after = allowed ? microseconds(0) : until(lease.refused_until);
  return out;
}

std::optional<Verdict> ClusterLimits::take(uint64_t hash, uint64_t cost, Clock::time_point now,
                                           bool& running_low) {
  Lease& lease = lease_of(hash, now);
  if (now >= lease.good_until && lease.tokens > 0) {
    // The lease expired before it was used up: the next lease is as large as the used part.
    lease.size = std::max<uint64_t>(1, lease.size - std::min(lease.size, lease.tokens));
    lease.tokens = 0;
  }
  if (lease.tokens >= cost) {
    lease.tokens -= cost;
    running_low = lease.tokens < lease.size / 4 && !lease.asking && now >= lease.refused_until;
    return verdict_of(lease, true, now);
  }
  if (now < lease.refused_until) return verdict_of(lease, false, now);
  return std::nullopt;
}

std::optional<Verdict> ClusterLimits::peek(uint64_t hash, uint64_t cost, Clock::time_point now) const {
  const Lease* lease = find(hash);
  if (lease == nullptr) return std::nullopt;
  if (now < lease->good_until && lease->tokens >= cost) return verdict_of(*lease, true, now);
  if (now < lease->refused_until) return verdict_of(*lease, false, now);
  return std::nullopt;
}

void ClusterLimits::note(Lease& lease, const Limit& limit, const Granted& granted, uint64_t wanted,
                         Clock::time_point now) {
  lease.remaining = granted.verdict.remaining;
  lease.full_at = now + granted.verdict.reset;
  if (granted.amount == 0) {
    lease.refused_until = now + std::max(granted.verdict.retry_after, microseconds(1'000));
    return;
  }
  lease.refused_until = {};
  lease.size = wanted;
  lease.tokens += granted.amount;
  // A lease lasts as long as the limit's period, within bounds: by then the bucket has refilled by more than
  // the lease.
  lease.good_until =
      now + (limit.algorithm == Algorithm::kTokenBucket
                 ? std::clamp<microseconds>(limit.period, std::chrono::seconds(1), std::chrono::minutes(1))
                 : granted.verdict.reset);
}

Task<std::optional<ClusterLimits::Granted>> ClusterLimits::ask_for(ClusterCharge charge, uint64_t max,
                                                                   uint64_t min) {
  std::vector<std::string> keys{std::move(charge.key)}, words = arguments("lease", max, min);
  add_limit(words, charge.limit);
  const redis::Reply reply =
      co_await client_.run_script(kClusterScript, script_name(), std::move(keys), std::move(words));
  if (!is_answer(reply, 1)) co_return std::nullopt;
  co_return Granted{static_cast<uint64_t>(reply.list[1].integer), verdict_at(reply, 0)};
}

// A request to the server for a lease, and the answer. The answer updates the lease even if the request that
// asked has ended by then.
struct ClusterLimits::Question {
  std::optional<Granted> granted{};
  bool answered = false;
  std::coroutine_handle<> waiter{};

  // co_await: waits for the answer. Lives in the waiting coroutine's frame.
  class Answer {
   public:
    explicit Answer(std::shared_ptr<Question> question) : question_(std::move(question)) {}
    Answer(const Answer&) = delete;
    Answer& operator=(const Answer&) = delete;
    ~Answer() { question_->waiter = nullptr; }

    bool await_ready() const { return question_->answered; }
    void await_suspend(std::coroutine_handle<> handle) { question_->waiter = handle; }
    std::optional<Granted> await_resume() const { return question_->granted; }

   private:
    std::shared_ptr<Question> question_;
  };
};

Task<void> ClusterLimits::ask_and_note(ClusterCharge charge, uint64_t hash, uint64_t max, uint64_t min,
                                       std::shared_ptr<Question> question) {
  const Limit limit = charge.limit;
  question->granted = co_await ask_for(std::move(charge), max, min);
  question->answered = true;
  Lease& lease = lease_of(hash, Clock::now());
  lease.asking = false;
  if (const auto waiting = waiting_.extract(hash)) waiting.mapped()->wake_all();
  if (question->granted) note(lease, limit, *question->granted, max, Clock::now());
  if (question->waiter) std::exchange(question->waiter, nullptr).resume();
}

void ClusterLimits::refill(ClusterCharge charge, uint64_t hash, uint64_t batch) {
  Lease* lease = find(hash);
  if (lease != nullptr) lease->asking = true;
  const uint64_t wanted = std::min(batch, lease == nullptr ? 1 : lease->size * 2);
  tasks_.spawn(ask_and_note(std::move(charge), hash, wanted, 1, std::make_shared<Question>()));
}

Task<std::optional<Verdict>> ClusterLimits::lease(ClusterCharge charge, uint64_t hash, uint64_t cost,
                                                  uint64_t batch) {
  EventLoop& loop = client_.loop();
  const Clock::time_point patience = Clock::now() + client_.settings().timeout;
  for (;;) {
    const Clock::time_point now = Clock::now();
    bool running_low = false;
    if (const auto verdict = take(hash, cost, now, running_low)) co_return verdict;
    Lease& mine = lease_of(hash, now);
    if (!mine.asking) break;
    if (now >= patience) co_return std::nullopt;
    std::shared_ptr<WaitList>& known = waiting_[hash];
    if (!known) known = std::make_shared<WaitList>(loop);
    const std::shared_ptr<WaitList> list = known;
    co_await list->wait(time_until(patience, loop));
  }
  Lease& mine = lease_of(hash, Clock::now());
  const bool used_up = Clock::now() < mine.good_until;
  const uint64_t wanted = std::max(cost, std::min(batch, used_up ? mine.size * 2 : mine.size));
  mine.asking = true;
  auto question = std::make_shared<Question>();
  tasks_.spawn(ask_and_note(std::move(charge), hash, wanted, cost, question));
  Question::Answer answer(std::move(question));
  const std::optional<Granted> granted = co_await answer;
  if (!granted) co_return std::nullopt;
  Lease& lease = lease_of(hash, Clock::now());
  if (lease.tokens < cost) co_return verdict_of(lease, false, Clock::now());
  lease.tokens -= cost;
  co_return verdict_of(lease, true, Clock::now());
}

void ClusterLimits::give_back(uint64_t hash, uint64_t cost) {
  if (Lease* lease = find(hash)) lease->tokens += cost;
}

}  // namespace portcullis::limits
