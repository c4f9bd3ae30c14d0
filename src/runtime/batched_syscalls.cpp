#include "runtime/batched_syscalls.h"

#include <liburing.h>

#include <algorithm>
#include <cerrno>
#include <limits>

namespace portcullis {
namespace {

constexpr ssize_t kPending = std::numeric_limits<ssize_t>::min();

}  // namespace

BatchedSyscalls::BatchedSyscalls(std::unique_ptr<io_uring> ring) : ring_(std::move(ring)) {}

std::unique_ptr<BatchedSyscalls> BatchedSyscalls::create() {
  auto ring = std::make_unique<io_uring>();
  if (io_uring_queue_init(kEntries, ring.get(), IORING_SETUP_SUBMIT_ALL) != 0) return nullptr;
  return std::unique_ptr<BatchedSyscalls>(new BatchedSyscalls(std::move(ring)));
}

BatchedSyscalls::~BatchedSyscalls() {
  close();
}

void BatchedSyscalls::close() {
  if (ring_) io_uring_queue_exit(ring_.get());
  ring_.reset();
}

void BatchedSyscalls::send_many(std::span<SendRequest> requests) {
  if (requests.size() == 1 || !ring_) return Syscalls::send_many(requests);
  if (!registered_) {
    // Registering the ring's descriptor saves a look-up per call. The registration is per thread, so it is
    // done here, on the thread that sends. Older kernels do not support it.
    registered_ = true;
    io_uring_register_ring_fd(ring_.get());
  }
  while (!requests.empty() && ring_) {
    const size_t count = std::min<size_t>(requests.size(), kEntries);
    send_batch(requests.first(count));
    requests = requests.subspan(count);
  }
  Syscalls::send_many(requests);
}

void BatchedSyscalls::send_batch(std::span<SendRequest> requests) {
  for (SendRequest& one : requests) {
    io_uring_sqe* entry = io_uring_get_sqe(ring_.get());
    io_uring_prep_send(entry, one.fd, one.data, one.size, one.flags | MSG_DONTWAIT);
    io_uring_sqe_set_data(entry, &one);
    one.result = kPending;
  }
  size_t ended = 0;
  while (ended < requests.size()) {
    const int submitted =
        io_uring_submit_and_wait(ring_.get(), static_cast<unsigned>(requests.size() - ended));
    if (submitted < 0 && submitted != -EINTR && submitted != -EAGAIN) break;
    io_uring_cqe* completion;
    unsigned head;
    unsigned seen = 0;
    io_uring_for_each_cqe(ring_.get(), head, completion) {
      ++seen;
      static_cast<SendRequest*>(io_uring_cqe_get_data(completion))->result = completion->res;
    }
    io_uring_cq_advance(ring_.get(), seen);
    ended += seen;
  }
  if (ended == requests.size()) return;
  // io_uring_enter() has failed, which happens only to incorrect programs. It is unknown which bytes of these
  // sends were sent, so they must not be sent again: their connections fail, and the ring is not used any
  // more.
  close();
  for (SendRequest& one : requests) {
    if (one.result == kPending) one.result = -EIO;
  }
}

}  // namespace portcullis
