// What batches are worth: a relay like floor_epoll, whose sends, or receives and sends, of one round of
// events are one call of io_uring_enter, as the gateway's sends are (runtime/batched_syscalls.h). For small
// messages. Usage: floor_batched LISTEN_PORT UPSTREAM_PORT sends|both
#include <liburing.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "sockets.h"

namespace {

struct End {
  int fd;
  End* other;
  bool closed = false;
};

// A message of the present round.
struct Passing {
  End* from;
  ssize_t size;  // negative: the negated errno
  char data[8192];
};

constexpr int kBatch = 256;
Passing passing[kBatch];
io_uring ring;

End* add(int epoll, int fd, End* other) {
  auto* end = new End{fd, other};
  no_delay(fd);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET | EPOLLRDHUP;
  event.data.ptr = end;
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  return end;
}

void accept_one(int epoll, int listener, const sockaddr_in& to) {
  const int client = accept(listener, nullptr, nullptr);
  const int upstream = socket(AF_INET, SOCK_STREAM, 0);
  if (client < 0 || connect(upstream, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    close(client);
    close(upstream);
    return;
  }
  End* const a = add(epoll, client, nullptr);
  a->other = add(epoll, upstream, a);
}

// Makes all prepared calls, and stores the result of each in its `size`.
void run(int count) {
  int ended = 0;
  while (ended < count) {
    if (io_uring_submit_and_wait(&ring, static_cast<unsigned>(count - ended)) < 0 && errno != EINTR)
      std::abort();
    io_uring_cqe* completion;
    unsigned head, seen = 0;
    io_uring_for_each_cqe(&ring, head, completion) {
      ++seen;
      static_cast<Passing*>(io_uring_cqe_get_data(completion))->size = completion->res;
    }
    io_uring_cq_advance(&ring, seen);
    ended += static_cast<int>(seen);
  }
}

void receive(int count, bool batched) {
  for (int i = 0; i < count; ++i) {
    Passing& one = passing[i];
    if (!batched) {
      one.size = recv(one.from->fd, one.data, sizeof one.data, MSG_DONTWAIT);
      if (one.size < 0) one.size = -errno;
      continue;
    }
    io_uring_sqe* entry = io_uring_get_sqe(&ring);
    io_uring_prep_recv(entry, one.from->fd, one.data, sizeof one.data, MSG_DONTWAIT);
    io_uring_sqe_set_data(entry, &one);
  }
  if (batched) run(count);
}

void close_both(End* end) {
  // The small objects of both ends stay allocated, because events of this batch may still point to them.
  end->closed = end->other->closed = true;
  close(end->fd);
  close(end->other->fd);
}

void relay(int count, bool batched_receives) {
  receive(count, batched_receives);
  int sends = 0;
  for (int i = 0; i < count; ++i) {
    Passing& one = passing[i];
    if (one.from->closed || one.size == -EAGAIN) continue;
    if (one.size <= 0) {
      close_both(one.from);
      continue;
    }
    io_uring_sqe* entry = io_uring_get_sqe(&ring);
    io_uring_prep_send(entry, one.from->other->fd, one.data, static_cast<size_t>(one.size), MSG_NOSIGNAL);
    io_uring_sqe_set_data(entry, &one);
    ++sends;
  }
  if (sends > 0) run(sends);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const bool batches_receives = std::strcmp(argv[3], "both") == 0;
  if (io_uring_queue_init(kBatch, &ring, IORING_SETUP_SUBMIT_ALL) != 0) return 77;
  io_uring_register_ring_fd(&ring);
  const sockaddr_in to = loopback(std::atoi(argv[2]));
  const int listener = listen_on(std::atoi(argv[1]));
  if (listener < 0) return 1;
  const int epoll = epoll_create1(0);
  epoll_event event{};
  event.events = EPOLLIN;
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  epoll_event events[kBatch];
  for (;;) {
    const int count = epoll_wait(epoll, events, kBatch, -1);
    int ready = 0;
    for (int i = 0; i < count; ++i) {
      auto* const end = static_cast<End*>(events[i].data.ptr);
      if (end == nullptr) {
        accept_one(epoll, listener, to);
      } else if (!end->closed) {
        passing[ready++].from = end;
      }
    }
    relay(ready, batches_receives);
  }
}
