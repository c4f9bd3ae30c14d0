#include "control/gateway.h"

#include <sys/signalfd.h>

#include <csignal>
#include <cstdio>
#include <thread>

#include "control/snapshot.h"

namespace portcullis::control {
namespace {

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGQUIT, SIGHUP}) sigaddset(&set, signal);
  return set;
}

void say(const std::string& message) {
  std::fprintf(stderr, "portcullis: %s\n", message.c_str());
}

}  // namespace

void print_diagnostics(const config::Diagnostics& diagnostics) {
  for (const config::Diagnostic& diagnostic : diagnostics.sorted()) {
    std::fprintf(stderr, "%s\n", diagnostic.to_string().c_str());
  }
}

void Gateway::block_signals() {
  const sigset_t set = handled_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

std::shared_ptr<const proxy::Snapshot> Gateway::load() {
  config::Diagnostics diagnostics;
  const auto config = load_config(config_path_, diagnostics);
  print_diagnostics(diagnostics);
  if (!config) return nullptr;
  if (worker_count_ == 0) {
    worker_count_ =
        config->workers != 0 ? config->workers : std::max(1u, std::thread::hardware_concurrency());
  }
  if (!metrics_) {
    metrics_ = std::make_unique<telemetry::Registry>(worker_count_);
    admin_address_ = config->admin.address;
    access_log_path_ = config->access_log.path;
  } else {
    if (config->admin.address != admin_address_)
      say("the admin listener stays where it is: moving it takes a restart");
    if (config->access_log.path != access_log_path_)
      say("the access log stays where it is: moving it takes a restart");
  }
  return compile_snapshot(*config, ++version_, *metrics_);
}

Status Gateway::open_sockets(const proxy::Snapshot& snapshot, size_t workers,
                             std::vector<std::vector<UniqueFd>>& sockets) {
  sockets.resize(workers);
  for (const proxy::ListenerSettings& listener : snapshot.listeners) {
    for (size_t worker = 0; worker < workers; ++worker) {
      // A Unix socket cannot be bound twice: its workers share one queue.
      if (listener.address.is_unix() && worker > 0) {
        sockets[worker].emplace_back(::dup(sockets[0].back().get()));
        continue;
      }
      auto socket = open_listening_socket(listener.address, kBacklog);
      if (!socket) return socket.error();
      sockets[worker].push_back(std::move(*socket));
    }
  }
  return {};
}

bool Gateway::start() {
  snapshot_ = load();
  if (!snapshot_) return false;
  std::vector<std::vector<UniqueFd>> sockets;
  if (const Status opened = open_sockets(*snapshot_, worker_count_, sockets); !opened) {
    say(opened.error().message);
    return false;
  }
  if (!access_log_path_.empty()) {
    auto opened = telemetry::AccessLog::open(access_log_path_, worker_count_);
    if (!opened) {
      say(opened.error().message);
      return false;
    }
    access_log_ = std::move(*opened);
  }
  if (!admin_address_.empty() && !open_admin(admin_address_)) return false;
  metrics_->set_config_version(snapshot_->version);
  for (size_t i = 0; i < worker_count_; ++i) {
    workers_.push_back(std::make_unique<proxy::Worker>(i, snapshot_, std::move(sockets[i]),
                                                       metrics_->worker(i), access_log_.get(), [this] {
                                                         loop_.post([this] {
                                                           if (++finished_workers_ == workers_.size())
                                                             loop_.stop();
                                                         });
                                                       }));
  }
  for (const proxy::ListenerSettings& listener : snapshot_->listeners) {
    say("listening on " + listener.address.to_string() + " (" + listener.name + ")");
  }
  return true;
}

bool Gateway::open_admin(const std::string& address) {
  auto socket = open_listening_socket(*SocketAddress::parse(address), 128);
  if (!socket) {
    say(socket.error().message);
    return false;
  }
  say("admin on " + SocketAddress::of_socket(socket->get()).to_string());
  admin_ = std::make_unique<AdminServer>(
      loop_, std::move(*socket),
      AdminServer::Sources{[this] { return metrics_->scrape(); }, [this] { return !draining_; }});
  return true;
}

void Gateway::reload() {
  const auto fresh = load();
  if (!fresh) {
    metrics_->note_reload(false);
    say("reload refused; configuration " + std::to_string(snapshot_->version) + " goes on serving");
    return;
  }
  bool same_listeners = fresh->listeners.size() == snapshot_->listeners.size();
  for (size_t i = 0; same_listeners && i < fresh->listeners.size(); ++i) {
    same_listeners = fresh->listeners[i].address == snapshot_->listeners[i].address;
  }
  if (!same_listeners) {
    metrics_->note_reload(false);
    say("reload refused: the listeners' addresses differ, which takes a restart");
    return;
  }
  for (const auto& worker : workers_) worker->replace_snapshot(fresh);
  snapshot_ = fresh;
  if (access_log_) access_log_->reopen();
  metrics_->note_reload(true);
  metrics_->set_config_version(fresh->version);
  say("serving configuration " + std::to_string(fresh->version));
}

void Gateway::stop(int signal) {
  const bool at_once = signal == SIGQUIT;
  if (draining_ && !at_once) return;  // already on its way
  draining_ = true;
  say(at_once ? "stopping at once" : "draining");
  const Milliseconds deadline = at_once ? Milliseconds(0) : snapshot_->drain_timeout;
  for (const auto& worker : workers_) worker->drain(deadline);
}

void Gateway::run_until_signalled() {
  class SignalWatcher final : public Watcher {
   public:
    explicit SignalWatcher(Gateway& gateway)
        : gateway_(gateway), fd_(::signalfd(-1, &set_, SFD_NONBLOCK | SFD_CLOEXEC)) {
      gateway_.loop_.watch(fd_.get(), EPOLLIN, *this);
    }
    void on_events(uint32_t) override {
      signalfd_siginfo received{};
      while (::read(fd_.get(), &received, sizeof received) == sizeof received) {
        const auto signal = static_cast<int>(received.ssi_signo);
        signal == SIGHUP ? gateway_.reload() : gateway_.stop(signal);
      }
    }

   private:
    Gateway& gateway_;
    const sigset_t set_ = handled_signals();
    UniqueFd fd_;  // after set_, which it is made from
  };
  SignalWatcher signals(*this);
  loop_.run();  // until the last worker has finished
  for (const auto& worker : workers_) worker->join();
}

}  // namespace portcullis::control
