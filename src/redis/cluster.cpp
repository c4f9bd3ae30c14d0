// The nodes of a Redis Cluster: which of them gets a command, and what follows from its answer.

#include <algorithm>
#include <map>
#include <vector>

#include "redis/key_slot.h"
#include "redis/link.h"
#include "redis/servers.h"
#include "redis/slot_table.h"
#include "runtime/wait_list.h"

namespace portcullis::redis {
namespace {

class Cluster final : public Servers {
 public:
  Cluster(EventLoop& loop, SidePool* pool, Shared& shared)
      : loop_(loop),
        shared_(shared),
        report_(shared.report_of(shared.settings.in_words())),
        dialer_(loop, pool, shared.settings.server_access(), shared.server_tls, shared.settings.timeout) {}

  // Commands that wait fail, and must not begin a refresh.
  ~Cluster() override {
    refreshing_ = true;
    links_.clear();
  }

  Task<Reply> ask(const Request& request, uint16_t slot) override;

 private:
  // A command on its way from node to node.
  struct Journey {
    const Request& request;
    uint16_t slot;
    Clock::time_point deadline;
    bool asking = false;  // the node accepts the command only after ASKING
  };
  enum class Next : uint8_t { kDone, kSameSlot, kRedirected };

  Task<Reply> ask_node(Link& link, const Journey& journey);
  Next follow(const Reply& reply, Journey& journey, Link*& link);
  Task<bool> know_slots(Clock::time_point deadline);
  Link* link_to(const std::string& address);
  void note_trouble();
  Task<void> refresh();
  Task<Status> learn_from(const std::string& address);
  std::vector<std::string> candidates() const;
  void adopt(const std::vector<SlotRange>& ranges);

  static constexpr int kMaxSteps = 5;
  static constexpr size_t kMaxNodes = 1'000;
  static constexpr Milliseconds kMaxTimeout{86'400'000};  // of commands without a timeout
  static constexpr Milliseconds kPause{10};  // before a command is sent to a slot on the move again
  static constexpr Milliseconds kBetweenRefreshes{200};

  EventLoop& loop_;
  Shared& shared_;
  ServerReport* const report_;
  Dialer dialer_;
  std::map<std::string, std::unique_ptr<Link>> links_;  // by address
  std::vector<Link*> slots_;                            // of each slot; empty until a node has told of them
  WaitList waiting_{loop_};                             // for the first reading of the slots
  bool refreshing_ = false;
  Clock::time_point next_refresh_{};
  size_t refreshes_ = 0;
  std::string fault_;  // why the last refresh has failed
  TaskGroup tasks_;
};

Task<Reply> Cluster::ask(const Request& request, uint16_t slot) {
  Journey journey{request, slot, loop_.now() + std::min(shared_.settings.timeout, kMaxTimeout)};
  if (!co_await know_slots(journey.deadline)) co_return Reply::unavailable(fault_);
  Link* link = slots_[slot];
  for (int step = 0; step <= kMaxSteps; ++step) {
    if (link == nullptr) {
      note_trouble();
      co_return Reply::unavailable("no node has the slot of the key");
    }
    Task<Reply> asking = ask_node(*link, journey);
    Reply reply = co_await asking;
    const Next next = follow(reply, journey, link);
    if (next == Next::kDone) co_return reply;
    if (next == Next::kRedirected) continue;
    co_await sleep_for(loop_, kPause);
    link = slots_[slot];
  }
  co_return Reply::unavailable("the nodes redirect in circles");
}

Task<Reply> Cluster::ask_node(Link& link, const Journey& journey) {
  const Milliseconds left = std::max(time_until(journey.deadline, loop_), Milliseconds(1));
  if (!journey.asking) co_return co_await link.ask(journey.request, left);
  Request prefixed = Request::of({"ASKING"});
  prefixed.bytes += journey.request.bytes;
  prefixed.replies += journey.request.replies;
  co_return co_await link.ask(prefixed, left);
}

// Decides from an answer where to send the command next. None of the answers that lead on has executed it.
Cluster::Next Cluster::follow(const Reply& reply, Journey& journey, Link*& link) {
  if (reply.kind == Reply::Kind::kUnavailable) {
    note_trouble();
    return Next::kDone;
  }
  journey.asking = false;
  if (const auto redirection = reply.is_error() ? redirection_of(reply.text) : std::nullopt) {
    ++shared_.counts.redirections;
    Link* const to = link_to(with_host_of(link->address(), redirection->address));
    journey.asking = redirection->kind == Redirection::Kind::kAsk;
    if (!journey.asking) {
      slots_[journey.slot] = to;
      note_trouble();
    }
    link = to;
    return Next::kRedirected;
  }
  if (reply.is_error("TRYAGAIN") && loop_.now() + kPause < journey.deadline) return Next::kSameSlot;
  if (reply.is_error("CLUSTERDOWN")) note_trouble();
  link->tell(reply);
  return Next::kDone;
}

// Waits for the first reading of the slots. After a failed one, commands do not wait for the next.
Task<bool> Cluster::know_slots(Clock::time_point deadline) {
  if (!slots_.empty()) co_return true;
  const bool first = fault_.empty();
  note_trouble();
  if (first && slots_.empty()) co_await waiting_.wait(time_until(deadline, loop_));
  if (slots_.empty() && fault_.empty()) fault_ = "no node of the cluster has answered yet";
  co_return !slots_.empty();
}

Link* Cluster::link_to(const std::string& address) {
  const auto known = links_.find(address);
  if (known != links_.end()) return known->second.get();
  if (links_.size() >= kMaxNodes) return nullptr;
  auto made = std::make_unique<Link>(dialer_, address, shared_.report_of(address), shared_.counts);
  return (links_[address] = std::move(made)).get();
}

// The slots may have moved: they are read again, but not more often than each 200 ms.
void Cluster::note_trouble() {
  if (refreshing_ || loop_.now() < next_refresh_) return;
  refreshing_ = true;
  tasks_.spawn(refresh());
}

Task<void> Cluster::refresh() {
  co_await next_round(loop_);  // the caller may be a link, which this function may remove
  std::string fault;
  for (const std::string& address : candidates()) {
    Task<Status> learning = learn_from(address);
    const Status learned = co_await learning;
    if (learned) {
      fault.clear();
      break;
    }
    fault = address + ": " + learned.error().message;
  }
  if (report_ != nullptr) fault.empty() ? report_->connected() : report_->lost(fault);
  fault_ = std::move(fault);
  next_refresh_ = loop_.now() + kBetweenRefreshes;
  refreshing_ = false;
  waiting_.wake_all();
}

// Whom to ask for the slots: nodes whose connection works, then the seeds, then the other nodes. Each refresh
// begins with another one, because a node that is cut off from the others does not know of failovers.
std::vector<std::string> Cluster::candidates() const {
  std::vector<std::string> out, others;
  for (const auto& [address, link] : links_) (link->ready() ? out : others).push_back(address);
  if (!out.empty())
    std::rotate(out.begin(), out.begin() + static_cast<ptrdiff_t>(refreshes_ % out.size()), out.end());
  for (const std::vector<std::string>* more : {&shared_.settings.cluster, &std::as_const(others)}) {
    for (const std::string& address : *more) {
      if (std::find(out.begin(), out.end(), address) == out.end()) out.push_back(address);
    }
  }
  return out;
}

Task<Status> Cluster::learn_from(const std::string& address) {
  ++refreshes_;
  Connection connection(loop_);
  const Dialed dialed = co_await dialer_.dial(connection, address, Role::kAny);
  if (dialed.outcome != Dialed::Outcome::kReady) co_return Error{dialed.why};
  Request request = Request::of({"CLUSTER", "SLOTS"});
  const Result<std::vector<Reply>> replies = co_await connection.ask(std::move(request), dialer_.patience());
  if (!replies) co_return replies.error();
  const Result<std::vector<SlotRange>> ranges = read_slots(replies->front(), address);
  if (!ranges) co_return ranges.error();
  adopt(*ranges);
  co_return Status();
}

void Cluster::adopt(const std::vector<SlotRange>& ranges) {
  slots_.assign(kSlots, nullptr);
  for (const SlotRange& range : ranges) {
    Link* const link = link_to(range.address);
    std::fill(slots_.begin() + range.first, slots_.begin() + range.last + 1, link);
  }
  std::erase_if(links_, [&](const auto& one) {
    return one.second->idle() && std::find(slots_.begin(), slots_.end(), one.second.get()) == slots_.end();
  });
}

}  // namespace

std::unique_ptr<Servers> make_cluster(EventLoop& loop, SidePool* pool, Shared& shared) {
  return std::make_unique<Cluster>(loop, pool, shared);
}

}  // namespace portcullis::redis
