#pragma once

#include <cstddef>
#include <memory>

namespace portcullis {

// A separate stack for the signal handlers of the calling thread, so that a handler can still report an
// overflow of the thread's stack. Installed on that thread as long as the object lives.
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
