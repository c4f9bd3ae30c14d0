#pragma once

#include <memory>

#include "runtime/syscalls.h"

struct io_uring;

namespace portcullis {

// The kernel's system calls, with send_many() as a single call through io_uring. Each send has MSG_DONTWAIT,
// so all sends have completed when the call returns: no operation stays in flight, and the caller may reuse
// its buffers. One thread.
class BatchedSyscalls final : public Syscalls {
 public:
  // Null when the kernel is too old or a container forbids io_uring.
  static std::unique_ptr<BatchedSyscalls> create();
  ~BatchedSyscalls() override;

  void send_many(std::span<SendRequest> requests) override;

 private:
  explicit BatchedSyscalls(std::unique_ptr<io_uring> ring);
  void send_batch(std::span<SendRequest> requests);
  void close();

  static constexpr unsigned kEntries = 256;
  std::unique_ptr<io_uring> ring_;  // null after the ring has failed
  bool registered_ = false;
};

}  // namespace portcullis
