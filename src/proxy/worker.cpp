#include "proxy/worker.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/faults.h"
#include "crypto/digest.h"
#include "proxy/client_connection.h"
#include "proxy/rehearse.h"
#include "runtime/batched_syscalls.h"
#include "runtime/signal_stack.h"
#include "runtime/start_thread.h"

namespace portcullis::proxy {

Worker::Worker(size_t index, std::shared_ptr<const Snapshot> snapshot, ListenerSockets sockets,
               KnownTargets known, telemetry::WorkerMetrics& metrics, telemetry::AccessLog* access_log,
               telemetry::TraceExporter* traces, std::function<void()> on_finished)
    : WorkerContext(index, BatchedSyscalls::create()),
      metrics_(metrics),
      access_log_(access_log),
      traces_(traces),
      on_finished_(std::move(on_finished)),
      first_(std::move(snapshot)),
      known_(std::move(known)) {
  logging_ = access_log_ != nullptr;
  random_ = Random(crypto::random_seed());
  thread_ = start_thread("worker-" + std::to_string(index_),
                         [this, listening = std::move(sockets)]() mutable { run(std::move(listening)); });
}

Worker::~Worker() {
  join();
}

void Worker::run(ListenerSockets sockets) {
  const SignalStack signal_stack;
  adopt(std::move(first_), std::move(sockets));
  loop_.set_round_watcher(this);
  loop_.run();
  // These objects are destroyed on this thread, because frames and blocks go back to its pools.

  for (const auto& listener : listeners_) listener->acceptors.clear();
  tasks_.clear();
  listeners_.clear();
  canary_.reset();
  current_.reset();
  on_finished_();
}

void Worker::on_round(std::chrono::microseconds took) {
  const auto microseconds = static_cast<uint64_t>(took.count());
  metrics_.rounds[telemetry::bucket_of(telemetry::kRoundBounds, microseconds)].add();
  metrics_.busy.add(microseconds);
}

void Worker::adopt(std::shared_ptr<const Snapshot> snapshot, ListenerSockets sockets) {
  if (canary_ && canary_->snapshot->snapshot == snapshot) {
    current_ = canary_->snapshot;
    canary_.reset();
  } else {
    current_ = std::make_shared<WorkerSnapshot>(
        loop_, std::move(snapshot), std::initializer_list<const WorkerSnapshot*>{current_.get()}, random());
    tell_known(*current_);
  }
  set_recording(current_->snapshot->recording);
  std::vector<std::shared_ptr<Listener>> before = std::move(listeners_);
  listeners_.clear();
  for (size_t i = 0; i < current_->snapshot->listeners.size(); ++i) {
    const ListenerSettings& settings = current_->snapshot->listeners[i];
    const auto same = std::find_if(before.begin(), before.end(), [&](const std::shared_ptr<Listener>& one) {
      return one && one->address == settings.address;
    });
    const auto listener = same != before.end() ? std::move(*same) : std::make_shared<Listener>();
    listener->address = settings.address;
    listener->settings = {current_, &settings};
    for (UniqueFd& socket : sockets[i]) {
      listener->acceptors.push_back(std::make_unique<Acceptor>(
          loop_, std::move(socket),
          // The listener owns the acceptor, so the acceptor must not keep the listener alive.
          [this, weak = std::weak_ptr(listener)](UniqueFd fd, const SocketAddress& peer) {
            if (const auto alive = weak.lock()) accept(alive, std::move(fd), peer);
          }));
      listener->acceptors.back()->hold(pressure_ >= Pressure::kFull);
    }
    // The setting may have changed since the socket was opened; connections inherit it from the socket.
    for (const auto& acceptor : listener->acceptors) set_keepalive(acceptor->fd(), settings.keepalive);
    listeners_.push_back(listener);
  }
  for (const std::shared_ptr<Listener>& listener : before) {
    if (listener) close(*listener);
  }
}

// Passes on the addresses and the discovered targets that are known already.
void Worker::tell_known(const WorkerSnapshot& snapshot) {
  for (const auto& upstream : snapshot.upstreams) {
    for (const auto& [host, addresses] : known_.addresses) upstream->set_addresses(host, addresses);
    give_discovered(*upstream);
  }
}

// Calls visit(upstream) for the upstreams of the snapshot and of the canary; an upstream that both share is
// visited twice.
template <typename Visit>
void Worker::for_each_upstream(Visit visit) const {
  for (const auto& upstream : current_->upstreams) visit(*upstream);
  if (!canary_) return;
  for (const auto& upstream : canary_->snapshot->upstreams) visit(*upstream);
}

void Worker::begin_canary(std::shared_ptr<const Snapshot> snapshot,
                          std::shared_ptr<const CanaryChoice> choice) {
  loop_.post([this, snapshot = std::move(snapshot), choice = std::move(choice)] {
    if (draining_) return;
    const std::initializer_list<const WorkerSnapshot*> others{current_.get(),
                                                              canary_ ? canary_->snapshot.get() : nullptr};
    auto served = std::make_shared<WorkerSnapshot>(loop_, snapshot, others, random());
    tell_known(*served);
    canary_ = std::make_shared<const WorkerCanary>(WorkerCanary{std::move(served), choice});
  });
}

void Worker::end_canary() {
  loop_.post([this] { canary_.reset(); });
}

// Heads that were recorded before are kept unless the bounds change.
void Worker::set_recording(const std::shared_ptr<const Recording>& recording) {
  const Recording::Bounds wanted = recording ? recording->bounds() : Recording::Bounds();
  if (recorded_ && recorded_->bounds() == wanted) return;
  recorded_ = wanted.requests == 0 ? nullptr : std::make_unique<HeadRing>(wanted);
}

void Worker::close(Listener& listener) {
  stop_accepting(listener);
  listener.closing = true;
  connections_.for_each([&](ClientConnection& connection) {
    if (connection.listener().get() == &listener) connection.drain();
  });
}

// Stops accepting. Clients that have connected already are still served.
void Worker::stop_accepting(Listener& listener) {
  for (const auto& acceptor : listener.acceptors) acceptor->accept_waiting();
  listener.acceptors.clear();
}

void Worker::accept(const std::shared_ptr<Listener>& listener, UniqueFd fd, const SocketAddress& peer) {
  const uint64_t max = listener->settings->limits.connections;
  std::atomic<uint64_t>& open = listener->settings->metrics->open_connections;
  if (open.fetch_add(1, std::memory_order_relaxed) >= max && max != 0) {
    open.fetch_sub(1, std::memory_order_relaxed);
    return metrics_.refused.add();
  }
  metrics_.accepted.add();
  ++open_connections_;
  auto connection = std::make_unique<ClientConnection>(*this, listener, std::move(fd), peer);
  if (!connection->count_address()) return note_refused_address();
  connections_.push_back(*connection);
  tasks_.spawn(ClientConnection::serve(std::move(connection)));
}

void Worker::connection_ended(Listener& listener) {
  --open_connections_;
  listener.settings->metrics->open_connections.fetch_sub(1, std::memory_order_relaxed);
  metrics_.closed.add();
  if (draining_ && is_done()) loop_.stop();
}

void Worker::errand_ended() {
  --errands_;
  if (draining_ && is_done()) loop_.stop();
}

void Worker::replace_snapshot(std::shared_ptr<const Snapshot> snapshot, ListenerSockets sockets) {
  // Messages must be copyable, but descriptors are not.
  auto shared = std::make_shared<ListenerSockets>(std::move(sockets));
  loop_.post([this, fresh = std::move(snapshot), shared] {
    if (!draining_) adopt(fresh, std::move(*shared));
  });
}

void Worker::set_addresses(const std::string& host, const upstream::Addresses& addresses) {
  loop_.post([this, host, addresses] {
    known_.addresses[host] = addresses;
    for_each_upstream([&](upstream::Upstream& one) { one.set_addresses(host, addresses); });
  });
}

void Worker::set_discovered(const std::string& upstream,
                            std::shared_ptr<const upstream::TargetList> targets) {
  loop_.post([this, upstream, targets = std::move(targets)] {
    known_.discovered[upstream] = targets;
    for_each_upstream([&](upstream::Upstream& one) {
      if (one.definition().name == upstream) give_discovered(one);
    });
  });
}

void Worker::give_discovered(upstream::Upstream& upstream) {
  if (!upstream.definition().discovers) return;
  const auto known = known_.discovered.find(upstream.definition().name);
  if (known != known_.discovered.end()) upstream.set_discovered(known->second, known_.addresses);
}

void Worker::drain(Milliseconds deadline) {
  loop_.post([this, deadline] {
    for (const auto& listener : listeners_) stop_accepting(*listener);
    draining_ = true;
    if (is_done()) return loop_.stop();
    loop_.arm(deadline_, deadline);
    connections_.for_each([](ClientConnection& connection) { connection.drain(); });
  });
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

void Worker::collect_notables(EventLoop& loop, std::function<void(telemetry::Notables::Batch)> receive) {
  loop_.post([this, &loop, receive = std::move(receive)] {
    loop.post([receive, batch = notables_.take()]() mutable { receive(std::move(batch)); });
  });
}

void Worker::collect_recorded(EventLoop& loop, std::function<void(std::vector<RecordedHeads>)> receive) {
  loop_.post([this, &loop, receive = std::move(receive)] {
    auto copied = std::make_shared<std::vector<RecordedHeads>>();
    if (recorded_) *copied = recorded_->copy();
    loop.post([receive, copied] { receive(std::move(*copied)); });
  });
}

void Worker::rehearse(RehearsalRequest request, std::function<void(Rehearsal)> receive) {
  struct Life {
    static Task<void> run(Worker& worker, std::shared_ptr<const RehearsalRequest> request,
                          std::function<void(Rehearsal)> receive) {
      const size_t index = request->listener;
      Task<Rehearsal> rehearsing = proxy::rehearse(
          worker, index < worker.listeners_.size() ? worker.listeners_[index] : nullptr, request, nullptr);
      receive(co_await rehearsing);
    }
  };
  // Messages must be copyable, so the request is shared.
  auto shared = std::make_shared<const RehearsalRequest>(std::move(request));
  loop_.post([this, shared = std::move(shared), receive = std::move(receive)] {
    tasks_.spawn(Life::run(*this, shared, receive));
  });
}

void Worker::set_tail(uint64_t id, std::shared_ptr<const telemetry::TailFilter> filter) {
  loop_.post([this, id, filter = std::move(filter)] {
    if (filter) {
      notables_.tails().open(id, filter);
    } else {
      notables_.tails().close(id);
    }
  });
}

void Worker::set_measuring(bool measuring) {
  loop_.post([this, measuring] { measuring_ = measuring; });
}

void Worker::set_pressure(Pressure pressure) {
  loop_.post([this, pressure] {
    pressure_ = pressure;
    for (const auto& listener : listeners_) {
      for (const auto& acceptor : listener->acceptors) acceptor->hold(pressure >= Pressure::kFull);
    }
    if (pressure >= Pressure::kTight) close_idle();
  });
}

void Worker::close_idle() {
  connections_.for_each([](ClientConnection& connection) { connection.leave_if_idle(); });
  for_each_upstream([](upstream::Upstream& one) {
    while (one.close_one_idle()) {
    }
  });
}

void Worker::probe_lag() {
  static constexpr int kMaxOnTheirWay = 16;
  if (probes_.load(std::memory_order_relaxed) >= kMaxOnTheirWay) return;
  probes_.fetch_add(1, std::memory_order_relaxed);
  loop_.post([this, sent = Clock::now()] {
    probes_.fetch_sub(1, std::memory_order_relaxed);
    note_lag(Clock::now() - sent);
  });
}

void Worker::note_lag(Clock::duration lag) {
  metrics_.lag.note(std::chrono::duration_cast<std::chrono::microseconds>(lag));
  lags_[next_lag_++ % lags_.size()] = lag;
  const Milliseconds max = current_->snapshot->max_lag;
  const bool lagging = max > Milliseconds(0) && *std::min_element(lags_.begin(), lags_.end()) > max;
  if (lagging == std::exchange(lagging_, lagging)) return;
  const std::string label = "overload: worker " + std::to_string(index_);
  if (lagging) {
    report_fault(Fault::kOverload, label + " handles events later than " + std::to_string(max.count()) +
                                       " ms after they occur: it refuses requests");
  } else {
    tell_fault(Fault::kOverload, Level::kInfo, label + " handles events in time again");
  }
}

void Worker::tell_trace(std::string_view spans, size_t count) {
  if (traces_ != nullptr) traces_->add(index_, spans, count);
}

void Worker::log(const telemetry::LogFormat& format, const telemetry::AccessEntry& entry) {
  if (format.wants(entry, random_.next()) && !access_log_->write(index_, format, entry))
    metrics_.log_lines_dropped.add();
}

}  // namespace portcullis::proxy
