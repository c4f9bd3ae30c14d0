#pragma once

#include <memory>

#include "runtime/syscalls.h"

struct io_uring;

namespace portcullis {

// The kernel, with send_many() as one system call through io_uring. Every send in it is told not to wait, so
// all of them have ended when the call returns: nothing is ever in flight, and buffers belong to the caller
// again. For one thread.
class BatchedSyscalls final : public Syscalls {
 public:
  // Null where the kernel is too old or a container forbids io_uring.
  static std::unique_ptr<BatchedSyscalls> create();
  ~BatchedSyscalls() override;

  void send_many(std::span<SendRequest> requests) override;

 private:
  explicit BatchedSyscalls(std::unique_ptr<io_uring> ring);
  void send_batch(std::span<SendRequest> requests);
  void close();

  static constexpr unsigned kEntries = 256;
  std::unique_ptr<io_uring> ring_;  // null once it has failed
  bool registered_ = false;
};

}  // namespace portcullis
