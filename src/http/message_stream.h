#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "base/function_ref.h"
#include "http/gather.h"
#include "http/h1/head_parser.h"
#include "http/head_writer.h"
#include "http/input_buffer.h"
#include "http/message.h"
#include "runtime/stream.h"
#include "runtime/task.h"

namespace portcullis::http {

class BodySource;
struct RelayResult;

// The interface through which one request and its response are received and sent in any version of HTTP. A
// message stream hides framing, chunks, interim responses and persistence, so its users do not depend on the
// version. It belongs to one exchange and to the loop's thread. The byte stream below it outlives it.
class MessageStream {
 public:
  explicit MessageStream(Stream& bytes) : bytes_(bytes) {}
  MessageStream(const MessageStream&) = delete;
  MessageStream& operator=(const MessageStream&) = delete;
  virtual ~MessageStream() = default;

  EventLoop& loop() const { return bytes_.loop(); }
  // Ends all waits for the peer, and all later ones, with ECANCELED.
  void cancel() { bytes_.cancel(); }
  // The connection will end with a reset, so that the peer does not take a message that has broken off for a
  // whole one.
  void reset_on_close() { bytes_.reset_on_close(); }
  // What follows the head of a message that has switched protocols: bytes in both directions.
  Stream& tunnel() const { return bytes_; }

  // The message that is received: its body is a source, a MessageBody (http/message_body.h).

  // The trailer section: field lines, each with its CRLF; complete when the body has ended. Empty for HTTP/1,
  // whose trailer section is a part of the chunked body.
  virtual std::string_view trailers() const { return {}; }
  // Why the message was ended early, when the error of the byte stream does not tell the reason.
  enum class Breach : uint8_t { kNone, kMalformed, kTrailersTooLarge };
  virtual Breach breach() const { return Breach::kNone; }

  // The message that is sent: relay_body() sends its body (http/relay.h), when the head has been given to the
  // stream.

  // The number of bytes of the body for which the connection has room now; SIZE_MAX for HTTP/1, where a write
  // waits for room by itself.
  virtual size_t room() const { return SIZE_MAX; }

 protected:
  // The byte stream below.
  Stream& bytes() const { return bytes_; }

  // ---- For MessageBody.

  // True when the protocol has announced the end of the body, and the whole body has been read. Always false
  // for HTTP/1, where the bytes of the body show its end.
  virtual bool body_ended() const { return false; }
  // True when the stream keeps received bytes of the body in memory until they are read (HTTP/2).
  virtual bool buffers_body() const { return false; }

  // ---- For relay_body().

  // True when the head has been sent, or will be sent with the first bytes of the body.
  virtual bool head_is_ready() const { return true; }
  // Sends the head; call this only when head_is_ready() is false. Waits until the connection has room for the
  // head.
  virtual Task<IoResult> send_ready_head() { co_return IoResult{}; }
  // True when the bytes of the body are sent unchanged, and nothing follows them.
  virtual bool sends_bytes_alone() const = 0;
  // True when the end of the message must be written even if no bytes are left.
  virtual bool writes_end() const { return false; }
  // Prepares `runs`, which are `size` bytes of the body, for the next write to bytes(): adds the framing, and
  // the head if it has not been sent. `last`: the body ends with these bytes, and `trailers` follow (field
  // lines, each with its CRLF) where the version and the peer permit trailers. The added pieces are valid
  // until the next call.
  virtual void frame(Gather& runs, size_t size, bool last, std::string_view trailers) = 0;
  // Called when the pieces that frame() prepared have been written: releases memory that is not needed any
  // more.
  virtual void written() {}

 private:
  friend class MessageBody;
  friend Task<RelayResult> relay_body(BodySource&, MessageStream&, Milliseconds, FunctionRef<void()>);

  Stream& bytes_;
};

// The state of the reading of a head.
enum class HeadState : uint8_t {
  kComplete,
  kIncomplete,   // more bytes must arrive first
  kMalformed,    // the head is invalid; head_error() of the stream has the reason
  kUnsupported,  // the request asks for a tunnel of an unknown protocol
  kTimedOut,
  kEnded,    // the connection ended or failed before the head was complete
  kRefused,  // the peer has not processed the request, which may be sent again (RFC 9113 section 8.7)
};

// Whether an HTTP/1 connection persists after an exchange.
enum class Persistence : uint8_t { kKeepAlive, kClose };

// The head of a response for a client. All references must be valid until the head has been sent.
struct ResponseToSend {
  const ResponseHead& head;  // the source of the status line and of fields that only HTTP/1 has
  BodyKind body;             // kLength, kNone, or the result of ServerStream::kind_of_body()
  bool to_head_request = false;
  bool closes = false;          // the connection ends after this response, and an HTTP/1 head says so
  size_t expected_size = 1024;  // the expected size of the head in bytes
  // Writes the field lines that are the same in all versions.
  FunctionRef<void(HeadWriter&)> fields;
};

// The message stream towards a client: receives a request, and sends the response.
class ServerStream : public MessageStream {
 public:
  struct Settings {
    const h1::HeadLimits& head_limits;
    Milliseconds head_timeout;
    Milliseconds send_timeout;
  };

  ServerStream(Stream& bytes, const Settings& settings) : MessageStream(bytes), settings_(settings) {}

  // Reads the head of the request; waits for it if necessary. Views of `out` point into the connection's
  // input or into `arena`. A request for a tunnel (RFC 8441) is read as a request for an upgrade.
  virtual Task<HeadState> read_head(RequestHead& out, Arena& arena) = 0;
  // The error in a head for which read_head() has returned kMalformed.
  h1::ParseError head_error() const { return head_error_; }
  // The approximate size of the head in bytes, to choose the size of buffers.
  virtual size_t head_size() const { return 1024; }
  // The bytes that were received behind the head and have not been read: the beginning of the body, or of the
  // next request.
  virtual std::string_view received() const { return {}; }
  // The bytes that were received behind the whole message; empty while a part of its body has not arrived.
  virtual std::string_view behind(const BodyFraming& /*body*/) const { return {}; }
  // Keeps `rest`, the bytes that were received behind the request, for the next request. Call this at the end
  // of the exchange.
  virtual void keep(std::string_view /*rest*/) {}

  // Sends a 100 (Continue), so that a client that waits for it sends its body (RFC 9110 section 10.1.1).
  virtual Task<IoResult> send_continue() = 0;
  // How this client learns where the body of `response` ends. kUntilClose: by the end of the connection.
  virtual BodyKind kind_of_body(const ResponseHead& response) const {
    if (has_no_content(response.status)) return BodyKind::kNone;
    if (response.body.has_length()) return BodyKind::kLength;
    return response.body.kind == BodyKind::kNone ? BodyKind::kNone : BodyKind::kChunked;
  }
  // Sends an interim response, unless the client's version of HTTP has none.
  virtual Task<IoResult> send_interim(const ResponseToSend& response) = 0;
  // Changes `head`, a 101 (Switching Protocols), to the form that this client expects.
  virtual void translate_upgrade(ResponseHead& /*head*/) {}
  // Sends the final response. `body` is the whole body.
  virtual Task<IoResult> send_whole(const ResponseToSend& response, std::string_view body) = 0;
  // Takes the head of the final response. The body follows through frame(). `response` must be valid until
  // the body has been sent.
  virtual void begin(const ResponseToSend& response) = 0;
  // Ends the response: nothing more is sent to this client.
  virtual void leave() {}

  // ---- The client, while the gateway waits for something else and reads nothing from it.

  // `watcher` is called when the client sends something or leaves. Null ends the watch.
  void watch(Watcher* watcher) { bytes().set_idle_watcher(watcher); }
  // True when the events of the client's connection arrive. ensure_watched() makes them arrive; it takes one
  // system call in the life of a connection. False when that fails.
  bool watched() const { return bytes().watched(); }
  bool ensure_watched() { return bytes().ensure_watched(); }
  // True when the end of the connection has been seen.
  bool has_ended() const {
    const StreamCodec* const codec = bytes().codec();
    return bytes().hung_up() || (codec != nullptr && !codec->is_sound());
  }
  // See Stream::peer_state().
  PeerState peer_state() { return bytes().peer_state(); }

 protected:
  Settings settings_;
  h1::ParseError head_error_ = h1::ParseError::kNone;
};

// The head of a request for a target. All references must be valid until the head has been sent.
struct RequestToSend {
  const RequestHead& head;  // the source of the method, the body's framing and version-specific fields
  std::string_view scheme;
  std::string_view authority;
  std::string_view path;  // without the query
  bool takes_trailers = false;
  bool is_last = false;         // no request follows on the connection, and an HTTP/1 head says so
  size_t expected_size = 1024;  // the expected size of the head in bytes

  // How long to wait for the target's SETTINGS, which tell whether it supports tunnels (RFC 8441).
  Milliseconds patience{1'000};
  // Writes the field lines that are the same in all versions.
  FunctionRef<void(HeadWriter&)> fields;
};

// The message stream towards a target: sends a request, and receives the response.
class ClientStream : public MessageStream {
 public:
  ClientStream(Stream& bytes, const h1::HeadLimits& limits) : MessageStream(bytes), limits_(limits) {}

  // Sends the head, or prepares it to be sent with the first bytes of the body. The body follows through
  // frame().
  virtual Task<IoResult> begin(const RequestToSend& request, Milliseconds timeout) = 0;
  // Sends a request. `body` is the whole body.
  virtual Task<IoResult> send_whole(const RequestToSend& request, std::string_view body,
                                    Milliseconds timeout) = 0;

  // True while the head that begin() has prepared waits for the first bytes of the body: no byte of the
  // request has been sent.
  virtual bool holds_head() const { return false; }

  // Takes the next head, interim or final, from the received bytes. After kIncomplete, call receive() and
  // then this again. Views of `out` point into the received bytes or into this object.
  virtual HeadState next_head(std::string_view method, ResponseHead& out) = 0;
  // co_await: waits until receive() would read something.
  Stream::Readable readable(Milliseconds timeout) { return bytes().readable(timeout); }
  // Reads the bytes that have arrived, without waiting. If a new block is needed, it has `block_size` bytes.
  virtual void receive(size_t block_size) = 0;
  // The approximate size of the last head in bytes, to choose the size of buffers.
  virtual size_t head_size() const { return 1024; }
  // The error in a head for which next_head() has returned kMalformed.
  h1::ParseError head_error() const { return head_error_; }
  // The errno with which the connection has ended; 0 for an orderly end.
  int end_error() const { return end_error_; }

  // The bytes that were received behind the last head. take_input() moves the memory of the head and of these
  // bytes to the caller.
  virtual std::string_view received() const { return {}; }
  virtual InputBuffer take_input() { return {}; }

 protected:
  h1::HeadLimits limits_;
  h1::ParseError head_error_ = h1::ParseError::kNone;
  int end_error_ = 0;
};

}  // namespace portcullis::http
