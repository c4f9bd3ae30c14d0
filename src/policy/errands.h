#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "runtime/task.h"

namespace portcullis::policy {

struct Context;

// Work that an exchange begins and that goes on without it. On the thread of the worker, which waits for the
// work to end when it stops; only copies are given up then.
class Errands {
 public:
  // Called with the context of the new exchange before the request is sent.
  using Prepare = std::function<void(Context&)>;

  // Sends the request of the exchange once more, as the request is now. This request has an exchange of its
  // own, which runs on_response and on_end of the policy `sender`, and all hooks of the policies behind it.
  // False when the request cannot be sent.
  virtual bool send(const void* sender, const Prepare& prepare) = 0;
  // Sends a copy of the request, as the target gets it, with the body `body` to another upstream: the one
  // with the index `upstream` in the configuration. The copy has an exchange of its own, which runs only
  // on_response and on_end of the policy `sender`.
  virtual void send_copy(const void* sender, size_t upstream, std::string body, const Prepare& prepare) = 0;
  // Runs `task`, which must not use anything of the exchange.
  virtual void run(Task<void> task) = 0;

 protected:
  ~Errands() = default;
};

}  // namespace portcullis::policy
