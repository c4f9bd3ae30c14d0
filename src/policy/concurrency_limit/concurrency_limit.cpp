#include "policy/concurrency_limit/concurrency_limit.h"

#include <memory>

#include "config/field_types.h"
#include "policy/concurrency_limit/gates.h"
#include "policy/concurrency_limit/reasons.h"
#include "policy/concurrency_limit/wait_queue.h"
#include "policy/limit_decisions.h"
#include "policy/limit_key.h"
#include "policy/per_worker.h"
#include "policy/services.h"

namespace portcullis::policy::concurrency_limit {
namespace {

using limits::Gate;

struct QueueSettings {
  uint64_t size = 0;
  std::chrono::milliseconds timeout{1'000};
  std::string fair_by = "caller";
};

struct AdaptiveSettings {
  uint64_t min = 0;
  uint64_t tolerance = 150;
};

struct Settings {
  std::string name;
  uint64_t limit = 0;
  std::string key = "route.name";
  QueueSettings queue;
  AdaptiveSettings adaptive;
};

class ConcurrencyLimit final : public Policy, public std::enable_shared_from_this<ConcurrencyLimit> {
 public:
  ConcurrencyLimit(const Settings& settings, const BuildContext& build)
      : settings_(settings),
        limit_{settings.limit, settings.adaptive.min, static_cast<double>(settings.adaptive.tolerance) / 100},
        key_(settings.key),
        fair_by_(settings.queue.fair_by),
        gates_(build.services.get<Gates>().all()),
        decisions_(build.metrics, settings.name.empty() ? std::string(build.place) : settings.name),
        queues_(build.workers),
        loops_(build.workers) {
    scope_ = count_scope(settings.name, build) + "\n" + settings.key + "\n";
    consumers_ = build.consumers;
    // Gates whose names are known beforehand are made now, so that requests find them without a lock.
    const bool is_by_route = key_.kind() == LimitKey::Kind::kRoute;
    if (is_by_route || key_.kind() == LimitKey::Kind::kAll) {
      only_ = gate_named(is_by_route ? std::string(build.place) : "");
      by_route_ = is_by_route && build.place.empty();
    } else if (key_.kind() == LimitKey::Kind::kCaller) {
      for (const identity::Consumer& consumer : consumers_->consumers())
        by_consumer_.push_back(gate_named("consumer:" + consumer.name));
    }
  }

  Decision on_request(Context& context) const override {
    Inside* inside = context.arena.make<Inside>();
    context.keep(this, inside);
    Gate& gate = find_gate(context, *inside);
    inside->gate = &gate;
    if (context.explains() && (gate.has_room() || gate.waiting.load() < settings_.queue.size))
      return Decision::proceed();
    if (!context.explains() && gate.try_enter()) return enter(context, *inside);
    if (gate.waiting.load(std::memory_order_relaxed) >= settings_.queue.size)
      return refuse(context, kReasons.concurrency_limit);
    return Decision::suspend(wait(context, *inside));
  }

  Decision on_response(Context& context) const override {
    const Inside* inside = context.kept<Inside>(this);
    if (inside == nullptr || !inside->entered) return Decision::proceed();
    const Clock::time_point now = context.loop.now();
    inside->gate->note_latency(std::chrono::duration_cast<std::chrono::microseconds>(now - inside->since),
                               now);
    return Decision::proceed();
  }

  bool watches_end() const override { return true; }
  void on_end(Context& context) const override {
    Inside* inside = context.kept<Inside>(this);
    if (inside == nullptr) return;
    if (inside->entered) {
      inside->gate->leave();
      const std::shared_ptr<Gate> held = inside->holder == nullptr ? nullptr : *inside->holder;
      if (inside->gate->waiting.load() > 0) wake(context.worker, *inside->gate, held, loops_.size());
    }
    delete std::exchange(inside->holder, nullptr);
  }

  void add_reads(RequestReads& reads) const override {
    key_.add_reads(reads, RequestReads::Use::kCopied);
    fair_by_.add_reads(reads, RequestReads::Use::kCopied);
  }
  void add_owned_fields(OwnedFields& fields) const override {
    key_.add_read_fields(fields);
    fair_by_.add_read_fields(fields);
  }

  Notes explain(Context& context, const Decision& decision) const override {
    const Gate& gate = *context.kept<Inside>(this)->gate;
    Notes out{"would be one of " + std::to_string(gate.limit()) + " requests at once of " +
              key_.describe(context) + "; " + std::to_string(gate.inside()) + " are in progress now"};
    if (decision.kind == Decision::Kind::kContinue && !gate.has_room())
      out.push_back("would wait for its turn, " + std::to_string(settings_.queue.timeout.count()) +
                    " ms at most");
    return out;
  }

 private:
  // The state of this policy for one exchange.
  struct Inside {
    Gate* gate = nullptr;
    std::shared_ptr<Gate>* holder = nullptr;  // keeps a gate that only exchanges hold; deleted in on_end
    Clock::time_point since{};
    bool entered = false;
  };

  std::shared_ptr<Gate> gate_named(const std::string& key) const {
    auto gate = gates_.get(scope_ + key, limit_);
    gate->set_limit(limit_);  // a reload may have changed the limit of a gate that exists
    return gate;
  }

  Gate& find_gate(Context& context, Inside& inside) const {
    const identity::Consumer* consumer = context.caller.consumer;
    if (!by_consumer_.empty() && consumer != nullptr) return *by_consumer_[consumer->index];
    if (only_ != nullptr && !by_route_) return *only_;
    // The name depends on the request. The lookup takes one of 64 locks, and an allocation.
    inside.holder =
        new std::shared_ptr<Gate>(gates_.get(scope_ + std::string(key_.text_of(context)), limit_));
    return **inside.holder;
  }

  Decision enter(Context& context, Inside& inside) const {
    inside.entered = true;
    inside.since = context.loop.now();
    decisions_.allowed.add(context.worker);
    return Decision::proceed();
  }

  Decision refuse(Context& context, const EndReason& reason) const {
    if (!context.explains()) decisions_.refused.add(context.worker);
    context.response.fields.add("retry-after", "1");
    return Decision::refuse(reason, "overloaded");
  }

  WaitQueue& queue(const Context& context) const {
    return queues_.get(context.worker, [&] {
      loops_[context.worker].store(&context.loop, std::memory_order_release);
      return std::make_unique<WaitQueue>(context.loop);
    });
  }

  Task<Decision> wait(Context& context, Inside& inside) const {
    WaitQueue::Waiter waiter(queue(context), *inside.gate, std::string(fair_by_.text_of(context)),
                             settings_.queue.timeout, uint64_t{1} << (context.worker % 64));
    const WaitQueue::Outcome outcome = co_await waiter;
    co_return outcome == WaitQueue::Outcome::kEntered ? enter(context, inside)
                                                      : refuse(context, kReasons.concurrency_queue_timeout);
  }

  // Called when a request has left the gate. Requests that wait on this worker are let in first, then those
  // of the next worker that has some. The wake-up is always a message, because this runs while an exchange
  // ends, and the exchanges that are let in may end at once too. When the requests that waited on the chosen
  // worker have left before the message arrives, the message goes on to the next worker, at most `hops`
  // times. `held` keeps a gate that the policy does not hold.
  void wake(size_t worker, Gate& gate, std::shared_ptr<Gate> held, size_t hops) const {
    const uint64_t waiting = gate.waiting_workers.load();
    for (size_t i = 0; i < loops_.size(); ++i) {
      const size_t at = (worker + i) % loops_.size();
      EventLoop* loop = loops_[at].load(std::memory_order_acquire);
      if (loop == nullptr || (waiting >> (at % 64) & 1) == 0) continue;
      loop->post([self = shared_from_this(), at, &gate, held = std::move(held), hops] {
        WaitQueue* const its = self->queues_.peek(at);
        const bool let_in = its != nullptr && its->wake(gate);
        if (!let_in && hops > 1 && gate.waiting.load() > 0 && gate.has_room())
          self->wake(at + 1, gate, held, hops - 1);
      });
      return;
    }
  }

  Settings settings_;
  limits::GateLimit limit_;
  LimitKey key_;
  LimitKey fair_by_;
  limits::Gates& gates_;
  LimitDecisions decisions_;
  std::string scope_;
  std::shared_ptr<const identity::Directory> consumers_;
  std::shared_ptr<Gate> only_;
  bool by_route_ = false;  // the policy is for all routes and counts each route separately
  std::vector<std::shared_ptr<Gate>> by_consumer_;
  PerWorker<WaitQueue> queues_;
  mutable std::vector<std::atomic<EventLoop*>> loops_;
};

void check(const config::PolicyUse& use, const Settings& settings, const config::Config&,
           config::Diagnostics& diagnostics) {
  if (settings.adaptive.min > settings.limit)
    diagnostics.error(use.location, "`adaptive.min` is greater than `limit`");
}

}  // namespace

Kind kind() {
  auto queue =
      std::make_shared<config::ObjectType<QueueSettings>>("queue", "A queue for requests beyond the limit.");
  queue
      ->required("size", &QueueSettings::size, config::integer(1, 1'000'000),
                 "Max number of waiting requests; further ones get 503 at once.")
      .optional("timeout", &QueueSettings::timeout, config::time_limit(),
                "Max time that a request waits; then it gets 503.")
      .optional("fair_by", &QueueSettings::fair_by, LimitKey::type(),
                "Waiting requests are grouped by this key (values as for `key`), and the groups take turns, "
                "so that a caller with many requests cannot keep the others out.");
  auto adaptive = std::make_shared<config::ObjectType<AdaptiveSettings>>(
      "adaptive", "A limit that follows the latency of requests.");
  adaptive
      ->required("min", &AdaptiveSettings::min, config::integer(1, 1'000'000),
                 "Min of the limit; its max is `limit`.")
      .optional("tolerance", &AdaptiveSettings::tolerance, config::integer(100, 1'000),
                "Latency, in percent of the usual latency, above which the limit is lowered.");
  auto type = std::make_shared<config::ObjectType<Settings>>(
      "concurrency_limit",
      "Limits the number of requests at once, for all workers of this node together. Requests beyond it wait "
      "in a queue, or are refused with 503.");
  type->optional("name", &Settings::name, config::name_type(),
                 "The name of the limit in metrics. Policies with the same name and key count together.")
      .required("limit", &Settings::limit, config::integer(1, 1'000'000), "Max number of requests at once.")
      .optional("key", &Settings::key, LimitKey::type(), LimitKey::summary())
      .optional("queue", &Settings::queue, queue, "A queue for requests beyond the limit.")
      .optional("adaptive", &Settings::adaptive, adaptive,
                "Lowers the limit when requests take longer than usual, and raises it again afterwards (by "
                "the ratio of usual to recent latency).");
  return with_insight<Settings>(make_kind<Settings, ConcurrencyLimit>("concurrency_limit", type, check)
                                    .with_reasons(kReasons)
                                    .with_metrics(LimitDecisions::declare)
                                    .with_figures(LimitDecisions::figures())
                                    .with_traits({.limits_consumers = true}),
                                [](const Settings& settings, const config::PolicyUse& use) {
                                  Insight out;
                                  for (const std::string& key : {settings.key, settings.queue.fair_by})
                                    out.add_reads(LimitKey(key).caller_reads(), use.location);
                                  return out;
                                });
}

}  // namespace portcullis::policy::concurrency_limit
