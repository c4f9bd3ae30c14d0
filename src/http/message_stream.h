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

// What a connection can do with one request and its response, whatever version of HTTP the connection speaks.
// What is above a message stream does not ask for the version: framing, chunks, interim responses and
// persistence are behind it. A message stream belongs to one exchange and to its loop's thread. The byte
// stream below it outlives it.
class MessageStream {
 public:
  explicit MessageStream(Stream& bytes) : bytes_(bytes) {}
  MessageStream(const MessageStream&) = delete;
  MessageStream& operator=(const MessageStream&) = delete;
  virtual ~MessageStream() = default;

  // The stream of bytes below, for waits, for the bytes of bodies, and for tunnels.
  Stream& bytes() const { return bytes_; }

  // ---- The message that is received.

  // The protocol has announced the end of the body, and all of the body has been read. Always false where the
  // bytes themselves show the end (HTTP/1).
  virtual bool body_ended() const { return false; }
  // A part of the body has been received already and waits in memory.
  virtual bool buffers_body() const { return false; }
  // The trailer section: lines, each with its CRLF; complete once the body has ended. HTTP/1's is in the
  // body.
  virtual std::string_view trailers() const { return {}; }
  // Why the protocol has broken the message off, beyond what the byte stream tells.
  enum class Breach : uint8_t { kNone, kMalformed, kTrailersTooLarge };
  virtual Breach breach() const { return Breach::kNone; }

  // ---- The message that is sent. Its head has been given to the stream before.

  // The head has been sent, or leaves with the first bytes of the body.
  virtual bool head_is_ready() const { return true; }
  // Sends the head, unless head_is_ready(). Waits until the connection has room for the head.
  virtual Task<IoResult> send_ready_head() { co_return IoResult{}; }
  // Whether the body's end marks only this message's end, so that the message has a place for trailers.
  virtual bool takes_trailers() const = 0;
  // The body's bytes go as they are, and nothing follows them.
  virtual bool sends_bytes_alone() const = 0;
  // The end of the message has to be written even if no bytes are left.
  virtual bool writes_end() const { return false; }
  // How many bytes of body the connection has room for now; SIZE_MAX where a write waits by itself.
  virtual size_t room() const { return SIZE_MAX; }
  // Makes `runs`, which are `size` bytes of the body, what is to be written next to bytes(): adds the head,
  // if it has not been sent, and the framing. `last`: the body ends with them, and `trailers` follow: lines,
  // each with its CRLF. What it adds lives until the next call.
  virtual void frame(Gather& runs, size_t size, bool last, std::string_view trailers) = 0;
  // What frame() has made has been written: memory that is not needed any more is given back.
  virtual void written() {}

 private:
  Stream& bytes_;
};

// How far the reading of a head has come.
enum class HeadState : uint8_t {
  kComplete,
  kIncomplete,   // more bytes have to come first
  kMalformed,    // the stream's head_error() says why
  kUnsupported,  // a request for a tunnel of a protocol that is not known
  kTimedOut,
  kEnded,    // the peer has ended or broken the connection before the head was complete
  kRefused,  // the peer has not looked at the request, which may be sent again (RFC 9113 section 8.7)
};

// Whether a connection of HTTP/1 goes on after a response, as its head says it.
enum class Persistence : uint8_t {
  kDefault,    // by the version: it does
  kKeepAlive,  // it does, which a client of HTTP/1.0 has to be told
  kClose,
};

// The head of a response as it goes to a client. What it refers to lives until the head has been sent.
struct ResponseToSend {
  const ResponseHead& head;  // its status, and fields that belong to HTTP/1
  BodyKind body;             // kStream is not used here: a length is told, or none
  bool to_head_request = false;
  Persistence persistence = Persistence::kDefault;
  size_t expected_size = 1024;  // of the head in bytes
  // Writes the field lines that are the same in all versions.
  FunctionRef<void(HeadWriter&)> fields;
};

// The stream of a client's request, and of the response to it.
class ServerStream : public MessageStream {
 public:
  struct Settings {
    const h1::HeadLimits& head_limits;
    Milliseconds head_timeout;
    Milliseconds send_timeout;
  };

  ServerStream(Stream& bytes, const Settings& settings) : MessageStream(bytes), settings_(settings) {}

  // Reads the head of the request, and waits for it where needed. Views of `out` point into the connection's
  // input or into `arena`. A request for a tunnel (RFC 8441) is read as a request for an upgrade.
  virtual Task<HeadState> read_head(RequestHead& out, Arena& arena) = 0;
  // Why the head is kMalformed.
  h1::ParseError head_error() const { return head_error_; }
  // The size of the head in bytes, roughly: for buffers.
  virtual size_t head_size() const { return 1024; }
  // What has been received behind the head and not been read by anyone: the beginning of the body, or of the
  // next request.
  virtual std::string_view received() const { return {}; }
  // What has been received behind the whole message; empty while a part of its body is still to come.
  virtual std::string_view behind(const BodyFraming& /*body*/) const { return {}; }
  // The exchange is over and `rest` has been received behind its request: the next request begins with it.
  virtual void keep(std::string_view /*rest*/) {}

  // Tells a client that waits for it to send its body (RFC 9110 section 10.1.1).
  virtual Task<IoResult> send_continue() = 0;
  // Sends an interim response.
  virtual Task<IoResult> send_interim(const ResponseToSend& response) = 0;
  // Makes of `head`, which switches protocols (101), what this client understands as that.
  virtual void translate_upgrade(ResponseHead& /*head*/) {}
  // Sends the final response with `body`, which is all of it.
  virtual Task<IoResult> send_whole(const ResponseToSend& response, std::string_view body) = 0;
  // The head of the final response, whose body is sent by frame(). `response` lives until the body has been
  // sent.
  virtual void begin(const ResponseToSend& response) = 0;
  // Nothing more is sent to this client.
  virtual void leave() {}

 protected:
  Settings settings_;
  h1::ParseError head_error_ = h1::ParseError::kNone;
};

// The head of a request as it goes to a target. What it refers to lives until the head has been sent.
struct RequestToSend {
  const RequestHead& head;  // its method, body, and what belongs to one version alone
  std::string_view scheme;
  std::string_view authority;
  std::string_view path;  // and no query
  bool takes_trailers = false;
  bool is_last = false;         // no request follows on the connection, which HTTP/1 says
  size_t expected_size = 1024;  // of the head in bytes
  // How long to wait for the answer of a connection that has not said yet whether it takes tunnels (RFC
  // 8441).
  Milliseconds patience{1'000};
  // Writes the field lines that are the same in all versions.
  FunctionRef<void(HeadWriter&)> fields;
};

// The stream of a request to a target, and of the response to it.
class ClientStream : public MessageStream {
 public:
  ClientStream(Stream& bytes, const h1::HeadLimits& limits) : MessageStream(bytes), limits_(limits) {}

  // Sends the head, or has it ready to leave with the first bytes of the body, which is sent by frame().
  virtual Task<IoResult> begin(const RequestToSend& request, Milliseconds timeout) = 0;
  // Sends a request with `body`, which is all of it.
  virtual Task<IoResult> send_whole(const RequestToSend& request, std::string_view body,
                                    Milliseconds timeout) = 0;

  // Takes the next head, an interim one or the final one, out of what has been received. kIncomplete: to be
  // called again after receive(). Views of `out` point into the received bytes or into this.
  virtual HeadState next_head(std::string_view method, ResponseHead& out) = 0;
  // Reads what has come, without waiting, into a block of `block_size` bytes where it needs one.
  virtual void receive(size_t block_size) = 0;
  // The size of the last head in bytes, roughly: for buffers.
  virtual size_t head_size() const { return 1024; }
  // Why a head is kMalformed.
  h1::ParseError head_error() const { return head_error_; }
  // The errno with which the connection has ended; 0 for an orderly end.
  int end_error() const { return end_error_; }

  // What has been received behind the last head. take_input() moves the memory of both to the caller.
  virtual std::string_view received() const { return {}; }
  virtual InputBuffer take_input() { return {}; }

 protected:
  h1::HeadLimits limits_;
  h1::ParseError head_error_ = h1::ParseError::kNone;
  int end_error_ = 0;
};

}  // namespace portcullis::http
