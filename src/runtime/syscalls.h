#pragma once

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <span>

namespace portcullis {

// One of several sends, each on a different descriptor.
struct SendRequest {
  int fd;
  const void* data;
  size_t size;
  int flags;
  ssize_t result = 0;  // the number of bytes sent, or the negated errno
};

// The system calls that the event loop and its streams make, so that tests can inject a fault at each one.
// Every call behaves as its namesake in section 2 of the manual: -1 and errno on failure.
class Syscalls {
 public:
  virtual ~Syscalls() = default;

  // The kernel itself. Stateless, shared by all threads.
  static Syscalls& kernel();

  virtual ssize_t recv(int fd, void* data, size_t size, int flags);
  virtual ssize_t send(int fd, const void* data, size_t size, int flags);
  virtual ssize_t sendmsg(int fd, const msghdr* message, int flags);
  virtual ssize_t sendfile(int to, int from, off_t* offset, size_t size);
  // Makes all sends and stores each result in its request.
  virtual void send_many(std::span<SendRequest> requests);
  virtual int accept4(int fd, sockaddr* address, socklen_t* length, int flags);
  virtual int socket(int domain, int type, int protocol);
  virtual int connect(int fd, const sockaddr* address, socklen_t length);
  virtual int epoll_ctl(int epoll, int operation, int fd, epoll_event* event);
  virtual int epoll_wait(int epoll, epoll_event* events, int capacity, int timeout_ms);
};

}  // namespace portcullis
