#pragma once

#include <cerrno>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/block_pool.h"
#include "cache/body_reader.h"
#include "cache/filling.h"
#include "http/h1/chunked_decoder.h"
#include "http/h2/channel.h"
#include "http/message.h"
#include "http/trailers.h"
#include "policy/response_converter.h"
#include "proxy/websocket.h"
#include "runtime/stream.h"
#include "runtime/task.h"

namespace portcullis::proxy {

class ClientWatch;

// Bytes received and not yet consumed, in one block.
struct InputBuffer {
  Block block;
  size_t begin = 0;
  size_t end = 0;

  bool empty() const { return begin == end; }
  std::string_view content() const { return {block.data() + begin, end - begin}; }
  // Where the next bytes go. There is room for at least one: a full buffer moves to a block of twice the
  // size, which makes views of its content stale.
  std::span<char> room() {
    if (end == block.capacity()) grow();
    return {block.data() + end, block.capacity() - end};
  }
  void release() {
    block.release();
    begin = end = 0;
  }

 private:
  void grow();
};

// The beginning of a body, or all of it.
struct BodyCopy {
  std::string text{};
  size_t limit = 0;
  bool too_large = false;  // `text` is not all

  void clear() {
    text.clear();
    too_large = false;
  }
  void add(std::string_view data) {
    too_large |= data.size() > limit - text.size();
    if (!too_large) text += data;
  }
};

// Where a body comes from: what was received with the head, then the stream. After a complete message, `rest`
// is what the peer sent beyond it.
struct BodySource {
  Stream& stream;
  http::BodyFraming framing;
  std::string_view received;
  Milliseconds timeout;
  uint64_t limit = 0;                              // most body bytes; 0: no limit
  BodyCopy* copy = nullptr;                        // gets what passes, too
  policy::ResponseConverter* converter = nullptr;  // makes something else of it
  std::string_view converted{};                    // the beginning, of which it has
  cache::BodyReader* stored = nullptr;             // in place of the stream
  http::TrailerRules trailers{};                   // which of its trailers are passed on
  http::h1::ChunkRules chunks{};                   // how its chunked coding is read
  ClientWatch* watch = nullptr;                    // of the client that waits for it; null: none

  InputBuffer
      first{};         // has `received`, and the head that came before it, until the sink has been given both
  InputBuffer more{};  // later reads; like `first` it lives until the next exchange has taken `rest`
  std::string_view rest{};
  uint64_t bytes = 0;
  unsigned reads = 0;  // that have found something; `more` has what the last one found
  bool complete = false;
  http::h1::ParseError malformed = http::h1::ParseError::kNone;  // of the chunked coding, when that is broken
  http::h2::Channel* channel = nullptr;                          // of the stream, where it is HTTP/2's
};

struct BodySink {
  Stream& stream;
  http::BodyKind kind;  // how the body is delimited towards this side
  Milliseconds timeout;
  http::h2::Channel* channel = nullptr;  // of the stream, where it is HTTP/2's
  size_t block_size = Block::kGiant;     // most that is held of a body that the sink does not take
  // Sends HTTP/2's head, before the first write. Its failure is the sink's.
  std::function<Task<IoResult>()> begin{};
};

enum class RelayOutcome : uint8_t {
  kComplete,
  kSourceClosed,     // the peer ended before its message did
  kSourceFailed,     // reset, timed out
  kSourceMalformed,  // chunked coding broken
  kSourceTooLarge,   // beyond the limit
  kOverloaded,       // the gateway has no room to convert it
  kSinkFailed,
  kCancelled,
};

struct RelayResult {
  RelayOutcome outcome = RelayOutcome::kComplete;
  int error = 0;           // errno of a failure
  bool untouched = false;  // the source has failed before anything, even the head, was sent
};

// Of a read or a write that has failed: `why`, unless it was cancelled.
inline RelayResult relay_failure(RelayOutcome why, int error) {
  return {error == ECANCELED ? RelayOutcome::kCancelled : why, error};
}

// Sends `head` and then the body, which `source` must have, as it arrives, decoding and re-encoding the
// chunked coding as each side needs; trailers go along where both sides have a place for them. Holds at most
// one block of body, which it passes on without copying, unless the source has a converter; the sink's pace,
// and a converter that works apart, hold back the source. The head leaves at once, or with the first bytes
// where these are here or a converter has to see them first; a body that is broken by then leaves the sink
// untouched.
Task<RelayResult> relay_message(std::string_view head, BodySource& source, BodySink sink);

// From now on `next`, an encoder, makes something else of what goes on, after what the source's converter
// makes of it. `chain` and `converted` are to live as long as the source is read: they hold what is needed
// for both.
Task<void> add_converter(BodySource& source, policy::ResponseConverter& next,
                         std::unique_ptr<policy::ResponseConverter>& chain, std::string& converted);

// Reads a body, and what its converter makes of it, into a cache.
Task<RelayResult> store_message(BodySource& source, cache::Filling& filling);

// Reads a body to its end, and drops it.
Task<RelayResult> discard_message(BodySource& source);
// Likewise; what its converter makes of it is added to `out`.
Task<RelayResult> convert_message(BodySource& source, std::string& out);
// Likewise, but only until that is something. Not for a body in chunks, or of a known length.
Task<RelayResult> convert_beginning(BodySource& source, std::string& out);

// Two streams joined: who is silent in one direction is not idle while the other one speaks.
struct Tunnel {
  Milliseconds idle_timeout;
  Clock::time_point last_bytes;  // in either direction
  bool was_idle = false;         // which is why it has ended
  bool leaving = false;          // both sides are to be told that it ends
};

// One direction of a tunnel.
struct TunnelHalf {
  std::string_view first;  // what has been received already
  Stream& from;
  Stream& to;
  uint64_t& bytes;                 // that pass are counted here
  FrameTracker* frames = nullptr;  // of a WebSocket; null for what cannot be left politely
  std::string_view goodbye{};      // for `to`
};

// Copies bytes until the source ends (kComplete, with the sink half-closed), either side fails, or the tunnel
// is idle. When it is being left: until the frame in hand has passed, then says goodbye, and waits a little
// for the source's own.
Task<RelayResult> relay_raw(TunnelHalf half, Tunnel& tunnel);

}  // namespace portcullis::proxy
