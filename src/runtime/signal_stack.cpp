#include "runtime/signal_stack.h"

#include <csignal>

namespace portcullis {

SignalStack::SignalStack() {
#ifndef PORTCULLIS_SANITIZED  // the sanitizers have handlers, and stacks for them, of their own
  memory_ = std::make_unique<char[]>(kSize);
  stack_t stack{};
  stack.ss_sp = memory_.get();
  stack.ss_size = kSize;
  ::sigaltstack(&stack, nullptr);
#endif
}

SignalStack::~SignalStack() {
  if (!memory_) return;
  stack_t none{};
  none.ss_flags = SS_DISABLE;
  ::sigaltstack(&none, nullptr);
}

}  // namespace portcullis
