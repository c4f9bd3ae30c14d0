#pragma once

#include <cstdint>

#include "http/body_source.h"
#include "http/message_stream.h"

namespace portcullis::proxy {

class ClientWatch;

// How the way of a body has ended.
struct RelayResult {
  http::BodyFailure source{};  // why the body has broken off; kNone: it has not
  bool sink_failed = false;    // the receiver of the body has failed
  int sink_error = 0;          // with the errno of that
  bool untouched = false;      // the source has failed before anything, even the head, was sent
  uint64_t bytes = 0;          // that have been passed on

  bool ok() const { return !sink_failed && source.kind == http::BodyFailure::Kind::kNone; }
};

// Sends the head that `to` has been given, and then the body that `source` gives, as it arrives. The
// receiver's pace holds back the source. The head leaves at once, or with the first bytes where these are
// here or the source holds it back; a source that fails before that leaves the receiver untouched. `timeout`:
// of each write. `watch`, which may be null, is arranged before each wait for the source.
Task<RelayResult> relay_body(http::BodySource& source, http::MessageStream& to, Milliseconds timeout,
                             ClientWatch* watch = nullptr);

}  // namespace portcullis::proxy
