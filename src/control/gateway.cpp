#include "control/gateway.h"

#include <csignal>
#include <cstdio>
#include <thread>

#include "config/loader.h"
#include "control/snapshot.h"
#include "policy/registry.h"

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
  const auto config = config::load_file(config_path_, policy::catalog(), diagnostics);
  print_diagnostics(diagnostics);
  if (!config) return nullptr;
  if (worker_count_ == 0) {
    worker_count_ =
        config->workers != 0 ? config->workers : std::max(1u, std::thread::hardware_concurrency());
  }
  return compile_snapshot(*config, ++version_);
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
  for (size_t i = 0; i < worker_count_; ++i) {
    workers_.push_back(std::make_unique<proxy::Worker>(i, snapshot_, std::move(sockets[i])));
  }
  for (const proxy::ListenerSettings& listener : snapshot_->listeners) {
    say("listening on " + listener.address.to_string() + " (" + listener.name + ")");
  }
  return true;
}

void Gateway::reload() {
  const auto fresh = load();
  if (!fresh) {
    say("reload refused; configuration " + std::to_string(snapshot_->version) + " goes on serving");
    return;
  }
  bool same_listeners = fresh->listeners.size() == snapshot_->listeners.size();
  for (size_t i = 0; same_listeners && i < fresh->listeners.size(); ++i) {
    same_listeners = fresh->listeners[i].address == snapshot_->listeners[i].address;
  }
  if (!same_listeners) {
    say("reload refused: the listeners' addresses differ, which takes a restart");
    return;
  }
  for (const auto& worker : workers_) worker->replace_snapshot(fresh);
  snapshot_ = fresh;
  say("serving configuration " + std::to_string(fresh->version));
}

void Gateway::run_until_signalled() {
  const sigset_t set = handled_signals();
  for (;;) {
    int signal = 0;
    if (sigwait(&set, &signal) != 0) continue;
    if (signal == SIGHUP) {
      reload();
      continue;
    }
    say(signal == SIGQUIT ? "stopping at once" : "draining");
    for (const auto& worker : workers_) worker->drain(signal == SIGQUIT ? Milliseconds(0) : kDrainDeadline);
    for (const auto& worker : workers_) worker->join();
    return;
  }
}

}  // namespace portcullis::control
