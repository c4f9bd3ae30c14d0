#pragma once

#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "runtime/syscalls.h"

namespace portcullis {

// System calls under which a new socket is one end of a pair within this process. The test holds the other
// end, which takes the place of a target, and says what becomes of a connect.
class ConnectingSockets final : public Syscalls {
 public:
  // What becomes of the next sockets and connects: an errno, or 0. A connect with EINPROGRESS waits.
  int socket_error = 0;
  int connect_error = EINPROGRESS;
  bool takes_no_bytes = false;  // every send finds that the peer's buffer is full

  // The number of connects.
  size_t begun() const { return pairs_.size(); }
  // The number of sockets that the gateway has closed.
  size_t closed() const {
    return static_cast<size_t>(std::count_if(
        pairs_.begin(), pairs_.end(), [](const Pair& one) { return inode_of(one.near) != one.inode; }));
  }

  // What the target of the last socket does. It accepts the connection:
  void admit() {
    Pair& last = pairs_.back();
    last.is_waiting = false;
    Syscalls::epoll_ctl(last.epoll, EPOLL_CTL_MOD, last.near, &last.watched);
  }
  void send(std::string_view bytes) {
    (void)::send(pairs_.back().far.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  // All that the target of the last socket has received; empty when there is no socket.
  const std::string& received() {
    if (pairs_.empty()) return received_;
    char bytes[4096];
    const ssize_t got = ::recv(pairs_.back().far.get(), bytes, sizeof bytes, MSG_DONTWAIT);
    if (got > 0) received_.append(bytes, static_cast<size_t>(got));
    return received_;
  }
  void finish() { ::shutdown(pairs_.back().far.get(), SHUT_WR); }
  // The kernel reports a reset when one end of a pair is closed before all of its bytes were read.
  void reset() {
    (void)::send(pairs_.back().near, "?", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    pairs_.back().far.reset();
  }

  int socket(int, int type, int) override {
    if (socket_error != 0) return fail(socket_error);
    int ends[2];
    if (::socketpair(AF_UNIX, type, 0, ends) != 0) return -1;
    pairs_.push_back({.near = ends[0], .inode = inode_of(ends[0]), .far = UniqueFd(ends[1])});
    return ends[0];
  }
  int connect(int, const sockaddr*, socklen_t) override {
    pairs_.back().is_waiting = connect_error == EINPROGRESS;
    return connect_error == 0 ? 0 : fail(connect_error);
  }
  // A socket that waits for its target is not writable.
  int epoll_ctl(int epoll, int operation, int fd, epoll_event* event) override {
    if (pairs_.empty() || pairs_.back().near != fd || !pairs_.back().is_waiting)
      return Syscalls::epoll_ctl(epoll, operation, fd, event);
    pairs_.back().epoll = epoll;
    pairs_.back().watched = *event;
    epoll_event unwritable = *event;
    unwritable.events &= ~static_cast<uint32_t>(EPOLLOUT);
    return Syscalls::epoll_ctl(epoll, operation, fd, &unwritable);
  }
  ssize_t send(int fd, const void* data, size_t size, int flags) override {
    return takes_no_bytes ? fail(EAGAIN) : Syscalls::send(fd, data, size, flags);
  }
  ssize_t sendmsg(int fd, const msghdr* message, int flags) override {
    return takes_no_bytes ? fail(EAGAIN) : Syscalls::sendmsg(fd, message, flags);
  }

 private:
  struct Pair {
    int near = -1;    // the gateway's end, which the gateway closes
    ino_t inode = 0;  // of `near`, whose number may later belong to another file
    UniqueFd far{};
    bool is_waiting = false;
    int epoll = -1;
    epoll_event watched{};  // what the gateway waits for
  };
  static int fail(int error) {
    errno = error;
    return -1;
  }
  static ino_t inode_of(int fd) {
    struct stat found {};
    return ::fstat(fd, &found) == 0 ? found.st_ino : 0;
  }

  std::vector<Pair> pairs_;
  std::string received_;
};

}  // namespace portcullis
