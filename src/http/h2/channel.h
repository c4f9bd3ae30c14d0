#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "base/intrusive_list.h"
#include "http/h2/field_block.h"
#include "http/message.h"
#include "runtime/channel.h"
#include "runtime/frame_pool.h"
#include "runtime/stream.h"
#include "runtime/task.h"

namespace portcullis::http::h2 {

class Session;

// A piece of a request's Cookie value, which may arrive as several fields (RFC 9113 section 8.2.3).
struct Crumb {
  std::string_view text;
  const Crumb* next;
};

// A received head. Views point into the channel's arena.
struct Head : Pooled {
  // The number of fields; all Cookie fields count as one.
  size_t field_count() const { return fields.size() + (first_crumb != nullptr ? 1 : 0); }

  std::string_view method, scheme, authority, path, protocol;  // of a request, RFC 9113 section 8.3.1
  uint16_t status = 0;                                         // of a response
  bool ends_message = false;                                   // true when neither a body nor trailers follow
  bool complete = false;                                       // true when the whole head has arrived
  bool too_large = false;  // true when the head exceeds the limits; some fields are then missing
  size_t size = 0;         // counted as in RFC 9113 section 6.5.2
  Fields fields;           // without the Cookie fields of a request
  const Crumb* first_crumb = nullptr;
  Crumb* last_crumb = nullptr;
  std::unique_ptr<Head> next;
};

// One stream of an HTTP/2 connection. It holds the heads and trailers of both directions, and carries the
// bodies as the channel of a Stream. Received data waits here until it is read; only then is the peer
// permitted to send more.
class Channel final : public portcullis::Channel,
                      public Pooled,
                      public ListNode<Session>,  // links the channel into its session's list
                      public ListNode<Channel>   // links the channel into the list of channels to signal
{
 public:
  explicit Channel(Session& session) : session_(&session) {}
  ~Channel() override;

  // Sets the stream that uses this channel; it is signalled when a read or a write becomes possible.
  void attach(Stream& stream) { stream_ = &stream; }

  // True when a whole head has arrived. Before that the message may still turn out to be malformed.
  bool has_head() const { return head_ && head_->complete; }
  std::unique_ptr<Head> take_head();
  // The field lines after the body, each with its CRLF; complete once the body has ended.
  std::string_view trailers() const { return trailers_; }
  // True when the stream was reset because the trailers were larger, or more numerous, than a head may be.
  bool trailers_too_large() const { return trailers_too_large_; }
  // True when the stream was reset because the peer's message violated HTTP/2.
  bool was_malformed() const { return malformed_; }

  // The number of body bytes that could be written now, limited by the space in the connection's output and
  // by the peer's windows. SIZE_MAX when nothing can be sent any more; the next write then fails.
  size_t room() const;

  // Sends a request head or a response head; interim responses may precede the final head. With
  // `ends_message` no body follows. The head is sent even when the output is full, so wait for the stream to
  // be writable before calling this. False when the connection has ended.
  bool send_head(const FieldBlock& fields, bool ends_message);
  bool send_interim_head(const FieldBlock& fields);
  // co_await: whether the peer supports extended CONNECT, which is known once the peer's settings have
  // arrived.
  Task<bool> takes_extended_connect(Milliseconds patience);
  // The next write ends the body, and `trailers` (field lines, each with its CRLF) follow it.
  void end_after_write(std::string_view trailers);

  // True when everything that the peer sends on this stream has been read.
  bool at_end() const { return ended_ && size_ == 0; }
  // True when the stream ended before both messages were complete.
  bool is_broken() const { return broken_; }
  // True when the peer has not processed the request (RFC 9113 section 8.7).
  bool was_refused() const { return error_ == NGHTTP2_REFUSED_STREAM; }

  IoResult read(char* data, size_t size) override;
  bool may_read() const override { return size_ > 0 || ended_ || broken_ || has_head(); }
  // Before the head has been sent: whether it may be sent (see takes_extended_connect() too); afterwards,
  // whether body bytes may be written.
  bool may_write() override;
  IoResult write(std::span<iovec>& pieces) override;
  void finish() override;
  void close(bool broken) override;

 private:
  friend class Session;
  enum Signal : uint8_t { kReadable = 1, kWritable = 2, kHangUp = 4 };

  // A peer may send any number of interim responses, and flow control does not limit them.
  static constexpr size_t kMaxWaitingHeads = 32;

  void append(std::string_view data);
  // nghttp2's read callback: how many of the bytes that are being written go into the next DATA frame.
  ssize_t supply(size_t max, uint32_t& flags);
  void take(char* out, size_t size);
  // False when so many heads wait unread that the peer's message is refused.
  bool begin_head();
  void on_stream_closed(uint32_t error);
  void on_finished();
  bool submit(const FieldBlock& fields, bool ends_message);
  void add_field(std::string_view name, std::string_view value);
  void add_crumb(std::string_view text);
  bool add_trailer(std::string_view name, std::string_view value);

  Session* session_;  // null after the connection has ended
  Stream* stream_ = nullptr;
  int32_t id_ = -1;  // -1 before the stream is opened and after it is closed
  uint8_t signals_ = 0;
  bool ended_ = false;  // the peer has ended its message
  bool broken_ = false;
  bool head_sent_ = false;  // the final head has been sent by this side
  bool finished_ = false;   // this side has ended its message
  bool ending_ = false;     // the current write is the last one of the body
  bool closing_ = false;    // all bytes have been written
  bool blocked_ = false;    // a write waits for space, or for the peer's settings
  bool awaits_settings_ = false;
  bool final_head_ = false;  // the peer's final head has arrived; later field lines are trailers
  bool trailers_too_large_ = false;
  bool malformed_ = false;
  uint32_t error_ = 0;
  std::span<iovec>* writing_ = nullptr;  // set while write() runs
  Block block_;                          // received data that has not been read
  size_t begin_ = 0;
  size_t size_ = 0;
  std::unique_ptr<Head> head_;
  Head* last_head_ = nullptr;  // the head that is being received
  std::string trailers_;
  size_t trailer_count_ = 0;
  std::string own_trailers_;
  Arena arena_;
};

}  // namespace portcullis::http::h2
