#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "runtime/task.h"

namespace portcullis::policy {

struct Context;

// Where a copy of a request goes, and what becomes of the copy. Owned by a policy; used on any thread.
class CopyReceiver {
 public:
  enum class Outcome : uint8_t {
    kAnswered,
    kFailed,
    kDropped,  // not sent: begin() was false, or the body is larger than max_body_size()
  };

  // The index of the upstream, into the upstreams of the configuration.
  virtual size_t upstream() const = 0;
  // Max bytes of the body; a request with a larger body is not copied.
  virtual uint64_t max_body_size() const = 0;
  // Called before a copy is sent. False when the copy must not be sent now. Otherwise end() follows.
  virtual bool begin() const = 0;
  virtual void end() const = 0;
  // Called once for each copy.
  virtual void note(size_t worker, Outcome outcome) const = 0;

 protected:
  ~CopyReceiver() = default;
};

// Work that an exchange begins and that goes on without it. On the thread of the worker, which waits for the
// work to end when it stops.
class Errands {
 public:
  // Sends the request of the exchange once more, as the request is now. This request has an exchange of its
  // own, which runs on_response and on_end of the policy `sender`, and all hooks of the policies behind it.
  // `prepare` is called with the context of the new exchange before the request is sent. False when the
  // request cannot be sent.
  virtual bool send(const void* sender, const std::function<void(Context&)>& prepare) = 0;
  // Sends a copy of the request, as the target gets it, to another upstream when the exchange has sent it,
  // and drops the response to the copy. No client waits for the copy.
  virtual void copy_to(const CopyReceiver& receiver) = 0;
  // Runs `task`, which must not use anything of the exchange.
  virtual void run(Task<void> task) = 0;

 protected:
  ~Errands() = default;
};

}  // namespace portcullis::policy
