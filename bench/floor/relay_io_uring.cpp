// The second floor: the same relay with io_uring, with multishot receive into provided buffers and sends
// batched into the waiting system call.
// Usage: floor_io_uring LISTEN_PORT UPSTREAM_PORT. Exits with 77 when the kernel or a container forbids
// io_uring.
#include <liburing.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <initializer_list>
#include <vector>

#include "sockets.h"

namespace {

constexpr unsigned kEntries = 4096;
constexpr unsigned kBuffers = 256;
constexpr size_t kBufferSize = 64 * 1024;
constexpr int kGroup = 1;
// Newer than the packaged header, so defined here.
constexpr unsigned kSingleIssuer = 1u << 12;
constexpr unsigned kDeferTaskrun = 1u << 13;

struct Piece {
  uint16_t buffer;
  uint32_t size;
};

struct End {
  int fd;
  End* other;
  bool closed = false;
  bool sending = false;       // a send towards this end is in progress
  std::deque<Piece> to_send;  // pieces to send towards this end
};

enum Kind : uint64_t { kReceive = 0, kSend = 1, kAccept = 2, kMask = 3 };

io_uring ring;
io_uring_buf_ring* buffer_ring;
char* buffers;
std::vector<End*> starving;  // ends whose receive stopped because no buffer was free

io_uring_sqe* next_entry() {
  io_uring_sqe* entry = io_uring_get_sqe(&ring);
  while (entry == nullptr) {
    io_uring_submit(&ring);
    entry = io_uring_get_sqe(&ring);
  }
  return entry;
}

void mark(io_uring_sqe* entry, const void* owner, Kind kind) {
  io_uring_sqe_set_data64(entry, reinterpret_cast<uint64_t>(owner) | kind);
}

void receive(End* end) {
  io_uring_sqe* entry = next_entry();
  io_uring_prep_recv_multishot(entry, end->fd, nullptr, 0, 0);
  entry->flags |= IOSQE_BUFFER_SELECT;
  entry->buf_group = kGroup;
  mark(entry, end, kReceive);
}

void recycle(uint16_t buffer) {
  io_uring_buf_ring_add(buffer_ring, buffers + buffer * kBufferSize, kBufferSize, buffer,
                        io_uring_buf_ring_mask(kBuffers), 0);
  io_uring_buf_ring_advance(buffer_ring, 1);
  if (starving.empty()) return;
  End* end = starving.back();
  starving.pop_back();
  if (!end->closed) receive(end);
}

void send_next(End* end) {
  if (end->sending || end->to_send.empty()) return;
  const Piece piece = end->to_send.front();
  io_uring_sqe* entry = next_entry();
  io_uring_prep_send(entry, end->fd, buffers + piece.buffer * kBufferSize, piece.size,
                     MSG_NOSIGNAL | MSG_WAITALL);
  mark(entry, end, kSend);
  end->sending = true;
}

// The small objects of both ends stay allocated, because completions may still point to them.
void shut(End* end) {
  for (End* each : {end, end->other}) {
    if (each->closed) continue;
    each->closed = true;
    shutdown(each->fd, SHUT_RDWR);
    close(each->fd);
  }
}

void accepted(int client, const sockaddr_in& to) {
  const int upstream = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(upstream, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    close(client);
    close(upstream);
    return;
  }
  auto* a = new End{client, nullptr, false, false, {}};
  auto* b = new End{upstream, a, false, false, {}};
  a->other = b;
  for (End* each : {a, b}) {
    no_delay(each->fd);
    receive(each);
  }
}

void received(End* end, const io_uring_cqe* completion) {
  const bool more = (completion->flags & IORING_CQE_F_MORE) != 0;
  if (completion->res > 0) {
    const auto buffer = static_cast<uint16_t>(completion->flags >> IORING_CQE_BUFFER_SHIFT);
    if (end->closed) return recycle(buffer);
    end->other->to_send.push_back({buffer, static_cast<uint32_t>(completion->res)});
    send_next(end->other);
    if (!more) receive(end);
  } else if (completion->res == -ENOBUFS) {
    starving.push_back(end);
  } else if (!more) {
    shut(end);
  }
}

void sent(End* end, int result) {
  end->sending = false;
  const uint16_t buffer = end->to_send.front().buffer;
  end->to_send.pop_front();
  recycle(buffer);
  if (result < 0) shut(end);
  if (end->closed) {
    for (; !end->to_send.empty(); end->to_send.pop_front()) recycle(end->to_send.front().buffer);
  } else {
    send_next(end);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const sockaddr_in to = loopback(std::atoi(argv[2]));
  io_uring_params parameters{};
  parameters.flags = kSingleIssuer | kDeferTaskrun | IORING_SETUP_CQSIZE;
  parameters.cq_entries = 4 * kEntries;
  if (io_uring_queue_init_params(kEntries, &ring, &parameters) != 0) {
    std::perror("io_uring is not available");
    return 77;
  }
  buffers = static_cast<char*>(
      mmap(nullptr, kBuffers * kBufferSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  buffer_ring = static_cast<io_uring_buf_ring*>(mmap(
      nullptr, kBuffers * sizeof(io_uring_buf), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<uint64_t>(buffer_ring);
  registration.ring_entries = kBuffers;
  registration.bgid = kGroup;
  if (io_uring_register_buf_ring(&ring, &registration, 0) != 0) {
    std::perror("provided buffers are not available");
    return 77;
  }
  io_uring_buf_ring_init(buffer_ring);
  for (unsigned i = 0; i < kBuffers; ++i) recycle(static_cast<uint16_t>(i));

  const int listener = listen_on(std::atoi(argv[1]));
  if (listener < 0) return 1;
  const auto accept_more = [&] {
    io_uring_sqe* entry = next_entry();
    io_uring_prep_multishot_accept(entry, listener, nullptr, nullptr, 0);
    mark(entry, nullptr, kAccept);
  };
  accept_more();
  for (;;) {
    io_uring_submit_and_wait(&ring, 1);
    io_uring_cqe* completion;
    unsigned head;
    unsigned handled = 0;
    io_uring_for_each_cqe(&ring, head, completion) {
      ++handled;
      const uint64_t data = completion->user_data;
      auto* end = reinterpret_cast<End*>(data & ~uint64_t{kMask});
      switch (data & kMask) {
        case kAccept:
          if (completion->res >= 0) accepted(completion->res, to);
          if (!(completion->flags & IORING_CQE_F_MORE)) accept_more();
          break;
        case kReceive: received(end, completion); break;
        case kSend: sent(end, completion->res); break;
      }
    }
    io_uring_cq_advance(&ring, handled);
  }
}
