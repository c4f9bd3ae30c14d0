#include "runtime/syscalls.h"

#include <sys/sendfile.h>

#include <cerrno>

namespace portcullis {

Syscalls& Syscalls::kernel() {
  static Syscalls instance;
  return instance;
}

ssize_t Syscalls::recv(int fd, void* data, size_t size, int flags) {
  return ::recv(fd, data, size, flags);
}
ssize_t Syscalls::send(int fd, const void* data, size_t size, int flags) {
  return ::send(fd, data, size, flags);
}
ssize_t Syscalls::sendmsg(int fd, const msghdr* message, int flags) {
  return ::sendmsg(fd, message, flags);
}
ssize_t Syscalls::sendfile(int to, int from, off_t* offset, size_t size) {
  return ::sendfile(to, from, offset, size);
}
void Syscalls::send_many(std::span<SendRequest> requests) {
  for (SendRequest& one : requests) {
    const ssize_t count = send(one.fd, one.data, one.size, one.flags);
    one.result = count < 0 ? -errno : count;
  }
}
int Syscalls::accept4(int fd, sockaddr* address, socklen_t* length, int flags) {
  return ::accept4(fd, address, length, flags);
}
int Syscalls::socket(int domain, int type, int protocol) {
  return ::socket(domain, type, protocol);
}
int Syscalls::connect(int fd, const sockaddr* address, socklen_t length) {
  return ::connect(fd, address, length);
}
int Syscalls::epoll_ctl(int epoll, int operation, int fd, epoll_event* event) {
  return ::epoll_ctl(epoll, operation, fd, event);
}
int Syscalls::epoll_wait(int epoll, epoll_event* events, int capacity, int timeout_ms) {
  return ::epoll_wait(epoll, events, capacity, timeout_ms);
}

}  // namespace portcullis
