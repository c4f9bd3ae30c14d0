#pragma once

#include <cstddef>
#include <memory>

namespace portcullis {

// A stack of its own for the signal handlers of the calling thread, so that one whose stack has overflowed
// can still say so. As long as this lives, on that thread.
class SignalStack {
 public:
  SignalStack();
  ~SignalStack();
  SignalStack(const SignalStack&) = delete;
  SignalStack& operator=(const SignalStack&) = delete;

 private:
  static constexpr size_t kSize = 64 << 10;
  std::unique_ptr<char[]> memory_;
};

}  // namespace portcullis
