#pragma once

#include <cstdint>

#include "base/function_ref.h"
#include "http/body_source.h"
#include "http/message_stream.h"

namespace portcullis::http {

// How the relaying of a body has ended.
struct RelayResult {
  BodyFailure source{};      // why the source has failed; kNone when it has not failed
  bool sink_failed = false;  // the receiver of the body has failed
  int sink_error = 0;        // the errno of the receiver's failure
  bool untouched = false;    // the source has failed before any byte was sent, also of the head
  uint64_t bytes = 0;        // the number of bytes of the body that were passed on

  bool ok() const { return !sink_failed && source.kind == BodyFailure::Kind::kNone; }
};

// Sends the head that was given to `to`, and then the body from `source` as the body arrives. A slow receiver
// slows the source down. The head is sent at once, unless the first bytes of the body are available or the
// source holds the head back: then the head is sent with the first bytes. When the source fails before that,
// nothing is sent. `timeout` applies to each write. `before_wait` is called before each wait for the source.
Task<RelayResult> relay_body(BodySource& source, MessageStream& to, Milliseconds timeout,
                             FunctionRef<void()> before_wait);
inline Task<RelayResult> relay_body(BodySource& source, MessageStream& to, Milliseconds timeout) {
  static constexpr auto kNothing = [] {};
  return relay_body(source, to, timeout, kNothing);
}

}  // namespace portcullis::http
