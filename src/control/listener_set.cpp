#include "control/listener_set.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "control/successor_process.h"
#include "runtime/socket_file.h"
#include "runtime/socket_owner.h"

namespace portcullis::control {

void ListenerSet::inherit(const std::string& address, std::vector<UniqueFd> sockets) {
  std::vector<UniqueFd>& all = inherited_[address];
  for (UniqueFd& socket : sockets) all.push_back(std::move(socket));
}

namespace {

constexpr std::string_view kUnixPrefix = "unix:";

// True when all that listen there are sockets of this process: another listener's at the same port, or a
// predecessor's that it has passed on.
bool only_we_listen_at(const SocketAddress& address) {
  const std::vector<ListeningSocket> sockets = sockets_listening_at(address);
  return !sockets.empty() && std::all_of(sockets.begin(), sockets.end(),
                                         [](const ListeningSocket& one) { return is_own_socket(one.inode); });
}

// The first socket of a listener, which no other process may share.
Result<UniqueFd> open_first(const SocketAddress& address, int backlog) {
  auto socket = open_listening_socket(address, backlog, Sharing::kNone);
  if (socket || address.is_unix() || !only_we_listen_at(address)) return socket;
  return open_listening_socket(address, backlog, Sharing::kSameProcess);
}

}  // namespace

// One socket for each worker, so that each has a queue of its own. A Unix socket cannot be bound twice: its
// workers share one.
Result<std::vector<UniqueFd>> ListenerSet::open(const SocketAddress& address, size_t workers) {
  std::vector<UniqueFd> out;
  if (const auto known = inherited_.find(address.to_string()); known != inherited_.end())
    out = std::move(known->second);
  if (out.empty()) {
    auto first = open_first(address, kBacklog);
    if (!first) return first.error();
    out.push_back(std::move(*first));
    if (Status allowed = open_to_clients(address); !allowed) return allowed.error();
  }
  while (out.size() < (address.is_unix() ? 1 : workers)) {
    auto socket = open_listening_socket(address, kBacklog, Sharing::kSameProcess);
    if (!socket) return socket.error();
    out.push_back(std::move(*socket));
  }
  return out;
}

Status ListenerSet::open_to_clients(const SocketAddress& address) const {
  if (!address.is_unix()) return {};
  auto file = SocketFile::open(address.to_string().substr(kUnixPrefix.size()));
  if (!file) return file.error();
  return file->set_mode(socket_mode_);
}

mode_t ListenerSet::permissions_of_sockets() {
  if (const auto passed = take_predecessor_umask()) return 0777 & ~*passed;
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return 0777 & ~mask;
}

void ListenerSet::give_to(uid_t user, gid_t group) {
  for (const auto& [address, sockets] : sockets_) {
    for (const UniqueFd& socket : sockets) (void)!::fchown(socket.get(), user, group);
    if (!address.starts_with(kUnixPrefix)) continue;
    if (auto file = SocketFile::open(address.substr(kUnixPrefix.size()))) file->give_to(user, group);
  }
}

Result<std::vector<proxy::ListenerSockets>> ListenerSet::update(
    const std::vector<proxy::ListenerSettings>& listeners, size_t workers) {
  std::vector<proxy::ListenerSockets> out(workers);
  std::map<std::string, std::vector<UniqueFd>> fresh;
  std::map<std::string, const proxy::ListenerSettings*> wanted;
  for (const proxy::ListenerSettings& listener : listeners) {
    for (proxy::ListenerSockets& worker : out) worker.emplace_back();
    const std::string address = listener.address.to_string();
    wanted.emplace(address, &listener);
    if (sockets_.contains(address)) continue;
    auto opened = open(listener.address, workers);
    if (!opened) return opened.error();
    // More than workers when a predecessor had more: a queue without a worker would swallow connections.
    const size_t shares = std::max(opened->size(), workers);
    for (size_t i = 0; i < shares; ++i) {
      UniqueFd share(::fcntl((*opened)[i % opened->size()].get(), F_DUPFD_CLOEXEC, 0));
      if (!share) return Error{"cannot share the socket of " + address + ": " + std::strerror(errno)};
      out[i % workers].back().push_back(std::move(share));
    }
    fresh[address] = std::move(*opened);
  }
  std::erase_if(sockets_, [&](const auto& entry) { return !wanted.contains(entry.first); });
  for (auto& [address, sockets] : fresh) sockets_[address] = std::move(sockets);
  inherited_.clear();
  return out;
}

}  // namespace portcullis::control
