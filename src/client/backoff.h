#pragma once

#include "runtime/event_loop.h"

namespace portcullis::client {

// The pauses after failures of a server: increasing, and randomised so that gateways do not retry at the same
// time.
class Backoff {
 public:
  explicit Backoff(Milliseconds longest = Milliseconds(15'000)) : longest_(longest) {}
  // Between half of the present pause and all of it.
  Milliseconds next();
  void reset() { failures_ = 0; }

 private:
  Milliseconds longest_;
  unsigned failures_ = 0;
};

}  // namespace portcullis::client
