#include "control/listener_set.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "control/successor_process.h"
#include "runtime/socket_file.h"
#include "runtime/socket_owner.h"

namespace portcullis::control {

void ListenerSet::inherit(const std::string& address, std::vector<UniqueFd> sockets) {
  std::vector<UniqueFd>& all = inherited_[address];
  for (UniqueFd& socket : sockets) all.push_back(std::move(socket));
}

namespace {

// True when all sockets that listen at `address` belong to this process: sockets of another listener with the
// same port, or sockets that a predecessor has passed on.
bool only_we_listen_at(const SocketAddress& address) {
  const std::vector<ListeningSocket> sockets = sockets_listening_at(address);
  return !sockets.empty() && std::all_of(sockets.begin(), sockets.end(),
                                         [](const ListeningSocket& one) { return is_own_socket(one.inode); });
}

// Opens the first socket of a listener. No other process may share the address.
Result<UniqueFd> open_first(const SocketAddress& address, int backlog, const TcpKeepalive& keepalive) {
  auto socket = open_listening_socket(address, backlog, Sharing::kNone, keepalive);
  if (socket || address.is_unix() || !only_we_listen_at(address)) return socket;
  return open_listening_socket(address, backlog, Sharing::kSameProcess, keepalive);
}

}  // namespace

// Opens one socket for each worker, so that each worker has a queue of its own. A Unix socket cannot be bound
// twice, so the workers share one. The file of a Unix socket that is bound here is added to `made`.
Result<std::vector<UniqueFd>> ListenerSet::open(const proxy::ListenerSettings& listener, size_t workers,
                                                SocketFiles& made) {
  const SocketAddress& address = listener.address;
  SocketFileRights rights = listener.rights;
  std::vector<UniqueFd> out;
  if (const auto known = inherited_.find(address.to_string()); known != inherited_.end())
    out = std::move(known->second);
  for (const UniqueFd& socket : out) set_keepalive(socket.get(), listener.keepalive);
  if (out.empty()) {
    auto first = open_first(address, kBacklog, listener.keepalive);
    if (!first) return first.error();
    out.push_back(std::move(*first));
    made.add(socket_path_of(address.to_string()));
    // The file of an inherited socket has the rights that the predecessor has given it.
    if (!rights.mode) rights.mode = socket_mode_;
  }
  if (Status given = give_rights(listener, rights); !given) return given.error();
  while (out.size() < (address.is_unix() ? 1 : workers)) {
    auto socket = open_listening_socket(address, kBacklog, Sharing::kSameProcess, listener.keepalive);
    if (!socket) return socket.error();
    out.push_back(std::move(*socket));
  }
  return out;
}

Status ListenerSet::give_rights(const proxy::ListenerSettings& listener,
                                const SocketFileRights& rights) const {
  if (!listener.address.is_unix() || !rights.are_given()) return {};
  auto file = SocketFile::open(socket_path_of(listener.address.to_string()));
  return file ? file->set_rights(rights) : Status(file.error());
}

// Changes the rights of the file of a listener that is open already.
Status ListenerSet::change_rights(const proxy::ListenerSettings& listener) {
  SocketFileRights& given = rights_[listener.address.to_string()];
  if (given == listener.rights) return {};
  SocketFileRights wanted = listener.rights;
  if (!wanted.mode) wanted.mode = socket_mode_;
  if (Status changed = give_rights(listener, wanted); !changed) return changed;
  given = listener.rights;
  return {};
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
    const std::string path = socket_path_of(address);
    if (path.empty()) continue;
    const auto rights = rights_.find(address);
    const bool has_group = rights != rights_.end() && !rights->second.group.empty();
    if (auto file = SocketFile::open(path)) file->give_to(user, has_group ? static_cast<gid_t>(-1) : group);
  }
}

Result<ListenerSet::Change> ListenerSet::prepare(const std::vector<proxy::ListenerSettings>& listeners,
                                                 size_t workers) {
  Change change;
  change.shares_.resize(workers);
  for (const proxy::ListenerSettings& listener : listeners) {
    for (proxy::ListenerSockets& worker : change.shares_) worker.emplace_back();
    const std::string address = listener.address.to_string();
    change.wanted_.emplace(address, listener.rights);
    if (sockets_.contains(address)) {
      if (Status changed = change_rights(listener); !changed) return changed.error();
      continue;
    }
    auto opened = open(listener, workers, change.made_);
    if (!opened) return opened.error();
    // There are more sockets than workers when a predecessor had more workers: connections in a queue without
    // a worker would never be accepted.
    const size_t shares = std::max(opened->size(), workers);
    for (size_t i = 0; i < shares; ++i) {
      UniqueFd share(::fcntl((*opened)[i % opened->size()].get(), F_DUPFD_CLOEXEC, 0));
      if (!share) return Error{"cannot share the socket of " + address + ": " + std::strerror(errno)};
      change.shares_[i % workers].back().push_back(std::move(share));
    }
    change.fresh_[address] = std::move(*opened);
  }
  return change;
}

std::vector<proxy::ListenerSockets> ListenerSet::apply(Change change, Files files) {
  const auto& wanted = change.wanted_;
  change.made_.forget_all();
  for (const auto& [address, sockets] : sockets_) {
    if (wanted.contains(address)) continue;
    // A successor listens by the same file, so the file itself does not show which process owns it.
    files == Files::kLeft ? left_.push_back(address) : files_.remove(socket_path_of(address));
  }
  std::erase_if(sockets_, [&](const auto& entry) { return !wanted.contains(entry.first); });
  std::erase_if(rights_, [&](const auto& entry) { return !wanted.contains(entry.first); });
  for (auto& [address, sockets] : change.fresh_) {
    const bool is_inherited = inherited_.contains(address);
    sockets_[address] = std::move(sockets);
    rights_[address] = wanted.at(address);
    if (!is_inherited) files_.add(socket_path_of(address));
  }
  // Closes inherited sockets of listeners that are not configured.
  for (auto& [address, sockets] : inherited_) sockets.clear();
  return std::move(change.shares_);
}

Result<std::vector<proxy::ListenerSockets>> ListenerSet::update(
    const std::vector<proxy::ListenerSettings>& listeners, size_t workers, Files files) {
  auto change = prepare(listeners, workers);
  if (!change) return change.error();
  return apply(std::move(*change), files);
}

void ListenerSet::remove_left() {
  for (const std::string& address : std::exchange(left_, {})) {
    if (!sockets_.contains(address)) files_.remove(socket_path_of(address));
  }
}

void ListenerSet::own_inherited() {
  for (const auto& [address, sockets] : inherited_) {
    files_.add(socket_path_of(address));
    if (!sockets_.contains(address)) files_.remove(socket_path_of(address));
  }
  inherited_.clear();
}

void ListenerSet::close(Files files) {
  if (files == Files::kRemoved) files_.remove_all();
  files_.forget_all();
  sockets_.clear();
}

}  // namespace portcullis::control
