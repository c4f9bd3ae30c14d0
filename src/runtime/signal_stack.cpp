#include "runtime/signal_stack.h"

#include <csignal>

#include "base/sanitizers.h"

namespace portcullis {

SignalStack::SignalStack() {
  if (kSanitized) return;  // the sanitizers install their own handlers and stacks
  memory_ = std::make_unique<char[]>(kSize);
  stack_t stack{};
  stack.ss_sp = memory_.get();
  stack.ss_size = kSize;
  ::sigaltstack(&stack, nullptr);
}

SignalStack::~SignalStack() {
  if (!memory_) return;
  stack_t none{};
  none.ss_flags = SS_DISABLE;
  ::sigaltstack(&none, nullptr);
}

}  // namespace portcullis
