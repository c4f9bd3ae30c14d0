#include "proxy/worker.h"

#include <pthread.h>
#include <sys/random.h>

#include <string>

#include "base/hash.h"
#include "proxy/client_connection.h"

namespace portcullis::proxy {

WorkerSnapshot::WorkerSnapshot(EventLoop& loop, std::shared_ptr<const Snapshot> compiled, uint64_t seed)
    : snapshot(std::move(compiled)) {
  for (const upstream::UpstreamDefinition& definition : snapshot->upstreams) {
    upstreams.push_back(std::make_unique<upstream::Upstream>(loop, definition, seed++));
  }
}

Worker::Worker(size_t index, std::shared_ptr<const Snapshot> snapshot, std::vector<UniqueFd> sockets,
               telemetry::WorkerMetrics& metrics, telemetry::AccessLog* access_log,
               std::function<void()> on_finished)
    : index_(index), metrics_(metrics), access_log_(access_log), on_finished_(std::move(on_finished)) {
  if (::getrandom(&random_state_, sizeof random_state_, 0) != sizeof random_state_) {
    random_state_ = static_cast<uint64_t>(Clock::now().time_since_epoch().count()) + index;
  }
  current_ = std::make_shared<WorkerSnapshot>(loop_, std::move(snapshot), random());
  thread_ = std::thread([this, listening = std::move(sockets)]() mutable { run(std::move(listening)); });
}

Worker::~Worker() {
  join();
}

void Worker::run(std::vector<UniqueFd> sockets) {
  pthread_setname_np(pthread_self(), ("worker-" + std::to_string(index_)).c_str());
  for (size_t listener = 0; listener < sockets.size(); ++listener) {
    acceptors_.push_back(std::make_unique<Acceptor>(
        loop_, std::move(sockets[listener]),
        [this, listener](UniqueFd fd, const SocketAddress& peer) { accept(listener, std::move(fd), peer); },
        [](int) {}));
  }
  loop_.run();
  // On this thread, because frames and blocks go back to its pools.
  acceptors_.clear();
  tasks_.clear();
  current_.reset();
  on_finished_();
}

void Worker::accept(size_t listener, UniqueFd fd, const SocketAddress& peer) {
  const ListenerSettings& settings = current_->snapshot->listeners[listener];
  if (settings.connections != 0 && open_connections_ >= settings.connections) return metrics_.refused.add();
  metrics_.accepted.add();
  ++open_connections_;
  auto connection = std::make_unique<ClientConnection>(*this, listener, std::move(fd), peer);
  connections_.push_back(*connection);
  struct Life {
    static Task<void> run(std::unique_ptr<ClientConnection> owned) { co_await owned->serve(); }
  };
  tasks_.spawn(Life::run(std::move(connection)));
}

void Worker::connection_ended() {
  --open_connections_;
  metrics_.closed.add();
  if (draining_ && open_connections_ == 0) loop_.stop();
}

void Worker::replace_snapshot(std::shared_ptr<const Snapshot> snapshot) {
  loop_.post([this, fresh = std::move(snapshot)] {
    current_ = std::make_shared<WorkerSnapshot>(loop_, fresh, random());
  });
}

void Worker::drain(Milliseconds deadline) {
  loop_.post([this, deadline] {
    draining_ = true;
    acceptors_.clear();
    if (open_connections_ == 0) return loop_.stop();
    loop_.arm(deadline_, deadline);
    connections_.for_each([](ClientConnection& connection) { connection.drain(); });
  });
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

void Worker::log(const telemetry::AccessEntry& entry) {
  if (!access_log_->write(index_, entry)) metrics_.log_lines_dropped.add();
}

uint64_t Worker::random() {
  random_state_ += 0x9E3779B97F4A7C15ull;
  return hash_mix(random_state_, 0xBF58476D1CE4E5B9ull);
}

}  // namespace portcullis::proxy
