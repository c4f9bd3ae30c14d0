// The floor: the minimum cost of a proxy with epoll. Relays bytes between each client and an upstream
// connection of its own: two receives and two sends per request, no parsing.
// Usage: floor_epoll LISTEN_PORT UPSTREAM_PORT
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <initializer_list>

#include "sockets.h"

namespace {

struct End {
  int fd;
  End* other;
  bool closed = false;
};

void watch(int epoll, End* end) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET | EPOLLRDHUP;
  event.data.ptr = end;
  epoll_ctl(epoll, EPOLL_CTL_ADD, end->fd, &event);
}

char buffer[256 * 1024];

// Blocks when the receiver is slower, which is acceptable for a benchmark's floor but not for a server.
bool send_all(int fd, const char* data, ssize_t size) {
  while (size > 0) {
    const ssize_t sent = send(fd, data, static_cast<size_t>(size), MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno != EAGAIN) return false;
      fd_set set;
      FD_ZERO(&set);
      FD_SET(fd, &set);
      select(fd + 1, nullptr, &set, nullptr, nullptr);
      continue;
    }
    data += sent;
    size -= sent;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const sockaddr_in to = loopback(std::atoi(argv[2]));
  const int listener = listen_on(std::atoi(argv[1]));
  if (listener < 0) return 1;
  const int epoll = epoll_create1(0);
  End listening{listener, nullptr};
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &listening;
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  epoll_event events[256];
  for (;;) {
    const int count = epoll_wait(epoll, events, 256, -1);
    for (int i = 0; i < count; ++i) {
      auto* end = static_cast<End*>(events[i].data.ptr);
      if (end == &listening) {
        const int client = accept(listener, nullptr, nullptr);
        const int upstream = socket(AF_INET, SOCK_STREAM, 0);
        if (client < 0 || connect(upstream, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
          close(client);
          close(upstream);
          continue;
        }
        auto* a = new End{client, nullptr};
        auto* b = new End{upstream, a};
        a->other = b;
        for (End* each : {a, b}) {
          no_delay(each->fd);
          watch(epoll, each);
        }
        continue;
      }
      if (end->closed) continue;
      ssize_t got;
      do {
        got = recv(end->fd, buffer, sizeof buffer, MSG_DONTWAIT);
        if (got > 0 && !send_all(end->other->fd, buffer, got)) got = 0;
      } while (got == static_cast<ssize_t>(sizeof buffer));
      if (got == 0 || (got < 0 && errno != EAGAIN)) {
        // The small objects of both ends stay allocated, because events of this batch may still point to
        // them.
        end->closed = end->other->closed = true;
        close(end->fd);
        close(end->other->fd);
      }
    }
  }
}
