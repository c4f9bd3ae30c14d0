#pragma once

#include <cstdint>
#include <string>

#include "cache/filling.h"
#include "http/body_source.h"
#include "http/message_stream.h"

namespace portcullis::proxy {

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
// of each write.
Task<RelayResult> relay_body(http::BodySource& source, http::MessageStream& to, Milliseconds timeout);

// Reads a body into a cache. `timeout`: of each wait for readers, or for the disk.
Task<RelayResult> store_body(http::BodySource& source, cache::Filling& filling, EventLoop& loop,
                             Milliseconds timeout);

// Reads a body to its end, and drops it.
Task<RelayResult> discard_body(http::BodySource& source);

// Adds what `source` gives to `out`: all of it, or only the first part that has anything. `ended` is set when
// the source has given its last part.
enum class Until : uint8_t { kEnd, kSomething };
Task<RelayResult> collect_body(http::BodySource& source, std::string& out, Until until, bool& ended);

}  // namespace portcullis::proxy
