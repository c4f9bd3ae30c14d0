#include "runtime/acceptor.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/faults.h"
#include "runtime/lock_wait.h"
#include "runtime/socket_owner.h"

namespace portcullis {
namespace {

Error system_error(const std::string& what, const SocketAddress& address) {
  return Error{what + " " + address.to_string() + ": " + std::strerror(errno)};
}

// EADDRINUSE and EACCES alone do not tell an operator what to do.
Error bind_error(const std::string& what, const SocketAddress& address) {
  const int error = errno;
  std::string why = std::strerror(error);
  if (error == EADDRINUSE) {
    if (const std::string owner = describe_owner(address); !owner.empty()) why += ": " + owner;
  } else if (error == EACCES && !address.is_unix()) {
    why += ": a port below 1024 needs root or CAP_NET_BIND_SERVICE";
  }
  return Error{what + " " + address.to_string() + ": " + why};
}

std::string folder_of(const SocketAddress& address) {
  const std::string path = reinterpret_cast<const sockaddr_un*>(address.data())->sun_path;
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

// Locks the folder of a Unix socket, so that no other gateway process can replace the file between this
// process's check for a stale file and its listen(). Locking the folder leaves no file behind. When the
// folder cannot be locked, the caller continues without a lock.
UniqueFd lock_folder(const SocketAddress& address) {
  UniqueFd folder(::open(folder_of(address).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return folder;
  LockWait lock(folder);
  if (!lock.try_take()) {
    lock.begin();
    (void)lock.wait(std::chrono::seconds(1));
  }
  return folder;
}

void remove_stale_unix_socket(const SocketAddress& address) {
  const auto* local = reinterpret_cast<const sockaddr_un*>(address.data());
  struct stat status;
  if (::stat(local->sun_path, &status) != 0 || !S_ISSOCK(status.st_mode)) return;
  if (!is_unix_socket_alive(address)) ::unlink(local->sun_path);
}

// One fault state for all listening sockets of the process, because what makes accept() fail concerns all of
// them.
FaultState& accepting() {
  static FaultState one(Fault::kAccept, "accepting connections");
  return one;
}

// True for an error of accept() that concerns a single connection, so that the next accept() may succeed.
bool concerns_one_connection(int error) {
  return error == EINTR || error == ECONNABORTED || error == EPROTO;
}

}  // namespace

bool is_unix_socket_alive(const SocketAddress& address) {
  // Connects without blocking: the backlog of a live listener may be full.
  UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  return ::connect(probe.get(), address.data(), address.length()) == 0 ||
         (errno != ECONNREFUSED && errno != ENOENT);
}

Status check_address_is_free(const SocketAddress& address) {
  if (address.is_unix()) {
    if (!is_unix_socket_alive(address)) return {};
    errno = EADDRINUSE;
    return bind_error("cannot bind", address);
  }
  UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd.get(), address.data(), address.length()) != 0) return bind_error("cannot bind", address);
  return {};
}

Result<UniqueFd> open_listening_socket(const SocketAddress& address, int backlog, Sharing sharing,
                                       const TcpKeepalive& keepalive) {
  UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return system_error("cannot open a socket for", address);
  const int on = 1;
  UniqueFd lock;
  if (address.is_unix()) {
    lock = lock_folder(address);
    remove_stale_unix_socket(address);
  } else {
    // SO_REUSEADDR: connections of an earlier process in TIME_WAIT do not block the port.
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (sharing == Sharing::kSameProcess) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    // An accepted connection inherits the socket options that the listening socket has when the kernel
    // accepts it, which may be long before a worker does. TCP_NODELAY sends small responses at once.
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    set_keepalive(fd.get(), keepalive);
  }
  if (::bind(fd.get(), address.data(), address.length()) != 0) return bind_error("cannot bind", address);
  // listen() checks for conflicts again: of two processes that bound the address at the same time, one fails
  // here.
  if (::listen(fd.get(), backlog) != 0) return bind_error("cannot listen on", address);
  // SO_REUSEPORT is set only now: set before bind(), it would let the socket share its address with sockets
  // of other processes.
  if (!address.is_unix()) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  return fd;
}

Acceptor::Acceptor(EventLoop& loop, UniqueFd socket, OnConnection on_connection)
    : loop_(loop), socket_(std::move(socket)), on_connection_(std::move(on_connection)) {
  if (!loop_.watch(socket_.get(), EPOLLIN, *this)) pause();
}

Acceptor::~Acceptor() {
  // Another process may hold the same socket during an upgrade, so closing it would not remove it from epoll.
  loop_.unwatch(socket_.get(), *this);
}

void Acceptor::on_events(uint32_t) {
  // Level-triggered: at low rates one accept() per event avoids a second call that would only return EAGAIN;
  // under load the budget grows.
  EventLoop& loop = loop_;  // outlives this acceptor, which a connection's handler may destroy
  const int budget = budget_;
  for (int accepted = 0; accepted < budget; ++accepted) {
    SocketAddress peer;
    UniqueFd connection = accept_one(peer);
    if (!connection) {
      if (errno == EAGAIN) {
        budget_ = std::max(1, accepted);
        return;
      }
      if (concerns_one_connection(errno)) continue;
      accepting().failed(std::strerror(errno));
      pause();
      return;
    }
    accepting().works();
    on_connection_(std::move(connection), peer);
    if (!loop.delivering_to(*this)) return;
  }
  budget_ = std::min(kMaxPerEvent, budget * 2);
}

UniqueFd Acceptor::accept_one(SocketAddress& peer) {
  *peer.length_pointer() = SocketAddress::capacity();
  return UniqueFd(loop_.syscalls().accept4(socket_.get(), peer.data(), peer.length_pointer(),
                                           SOCK_NONBLOCK | SOCK_CLOEXEC));
}

void Acceptor::accept_waiting() {
  for (int accepted = 0; accepted < kMaxWaiting; ++accepted) {
    SocketAddress peer;
    UniqueFd connection = accept_one(peer);
    if (connection) {
      on_connection_(std::move(connection), peer);
    } else if (!concerns_one_connection(errno)) {
      return;
    }
  }
}

void Acceptor::pause() {
  loop_.unwatch(socket_.get(), *this);
  loop_.arm(resume_, kPause);
}

void Acceptor::hold(bool held) {
  if (held == held_) return;
  held_ = held;
  if (held) {
    resume_.unlink();
    loop_.unwatch(socket_.get(), *this);
  } else if (!loop_.watch(socket_.get(), EPOLLIN, *this)) {
    pause();
  }
}

void Acceptor::Resume::fire() {
  if (!acceptor_.loop_.watch(acceptor_.socket_.get(), EPOLLIN, acceptor_)) acceptor_.loop_.arm(*this, kPause);
}

}  // namespace portcullis
