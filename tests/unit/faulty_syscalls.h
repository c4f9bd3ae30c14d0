#pragma once

#include <algorithm>
#include <cerrno>
#include <deque>
#include <vector>

#include "runtime/syscalls.h"

namespace portcullis {

// The kernel with scripted faults: an errno to return, or a limit on the bytes moved.
class FaultySyscalls final : public Syscalls {
 public:
  struct Fault {
    int error = 0;
    size_t max = 0;
  };
  std::deque<Fault> on_recv, on_send, on_sendmsg, on_sendfile, on_send_many, on_accept, on_wait, on_socket,
      on_connect, on_epoll_ctl;
  std::vector<size_t> batches;  // number of sends in each send_many()

  ssize_t recv(int fd, void* data, size_t size, int flags) override {
    return apply(on_recv, size) ? Syscalls::recv(fd, data, size, flags) : -1;
  }
  ssize_t send(int fd, const void* data, size_t size, int flags) override {
    return apply(on_send, size) ? Syscalls::send(fd, data, size, flags) : -1;
  }
  ssize_t sendmsg(int fd, const msghdr* message, int flags) override {
    size_t size = message->msg_iov[0].iov_len;
    if (on_sendmsg.empty()) return Syscalls::sendmsg(fd, message, flags);
    return apply(on_sendmsg, size) ? Syscalls::send(fd, message->msg_iov[0].iov_base, size, flags) : -1;
  }
  ssize_t sendfile(int to, int from, off_t* offset, size_t size) override {
    return apply(on_sendfile, size) ? Syscalls::sendfile(to, from, offset, size) : -1;
  }
  // The fault occurs after the kernel has begun to connect, as an interruption does.
  int connect(int fd, const sockaddr* address, socklen_t length) override {
    const int outcome = Syscalls::connect(fd, address, length);
    size_t unused = 0;
    if (on_connect.empty()) return outcome;
    return apply(on_connect, unused) ? outcome : -1;
  }
  int epoll_ctl(int epoll, int operation, int fd, epoll_event* event) override {
    size_t unused = 0;
    return apply(on_epoll_ctl, unused) ? Syscalls::epoll_ctl(epoll, operation, fd, event) : -1;
  }
  void send_many(std::span<SendRequest> requests) override {
    batches.push_back(requests.size());
    for (SendRequest& one : requests) {
      if (apply(on_send_many, one.size)) {
        Syscalls::send_many(std::span(&one, 1));
      } else {
        one.result = -errno;
      }
    }
  }
  int accept4(int fd, sockaddr* address, socklen_t* length, int flags) override {
    size_t unused = 0;
    return apply(on_accept, unused) ? Syscalls::accept4(fd, address, length, flags) : -1;
  }
  int socket(int domain, int type, int protocol) override {
    size_t unused = 0;
    return apply(on_socket, unused) ? Syscalls::socket(domain, type, protocol) : -1;
  }
  int epoll_wait(int epoll, epoll_event* events, int capacity, int timeout) override {
    size_t unused = 0;
    return apply(on_wait, unused) ? Syscalls::epoll_wait(epoll, events, capacity, timeout) : -1;
  }

 private:
  static bool apply(std::deque<Fault>& script, size_t& size) {
    if (script.empty()) return true;
    const Fault fault = script.front();
    script.pop_front();
    if (fault.max != 0) size = std::min(size, fault.max);
    errno = fault.error;
    return fault.error == 0;
  }
};

}  // namespace portcullis
