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

// A piece of a request's Cookie field, which may come as several fields (RFC 9113 section 8.2.3).
struct Crumb {
  std::string_view text;
  const Crumb* next;
};

// A head as it came. Views lie in its channel's arena.
struct Head : Pooled {
  // Those of a Cookie field count as one.
  size_t field_count() const { return fields.size() + (first_crumb != nullptr ? 1 : 0); }

  std::string_view method, scheme, authority, path, protocol;  // of a request, RFC 9113 section 8.3.1
  uint16_t status = 0;                                         // of a response
  bool ends_message = false;                                   // nothing follows it
  bool complete = false;                                       // all of it has come
  bool too_large = false;                                      // beyond the limits: not all of it is here
  size_t size = 0;                                             // as RFC 9113 section 6.5.2 counts
  Fields fields;                                               // of a request, without Cookie
  const Crumb* first_crumb = nullptr;
  Crumb* last_crumb = nullptr;
  std::unique_ptr<Head> next;
};

// One stream of an HTTP/2 connection: the heads and trailers of both directions, and as a Stream's channel
// the bodies. What the peer has sent waits here until it is read, and only then may the peer send more.
class Channel final : public portcullis::Channel,
                      public Pooled,
                      public ListNode<Session>,  // of its session
                      public ListNode<Channel>   // of those to be signalled
{
 public:
  explicit Channel(Session& session) : session_(&session) {}
  ~Channel() override;

  // The stream that this is the channel of, which is told when something has become possible.
  void attach(Stream& stream) { stream_ = &stream; }

  // A head has come whole. Until then nothing is known of the message: it may still turn out to be malformed.
  bool has_head() const { return head_ && head_->complete; }
  std::unique_ptr<Head> take_head();
  // The field lines that followed the body, each with its CRLF; complete at the body's end.
  std::string_view trailers() const { return trailers_; }
  // They were larger, or more, than a head may have, for which the stream was reset.
  bool trailers_too_large() const { return trailers_too_large_; }
  // The peer's message broke the rules of HTTP/2, for which the stream was reset.
  bool was_malformed() const { return malformed_; }

  // How many bytes of body could be written now: what the connection's output and the peer's windows have
  // room for. SIZE_MAX when nothing can be sent any more, which a write then tells.
  size_t room() const;

  // A request's head, or a response's; interim ones may come before. `ends_message`: no body follows. It is
  // sent whatever room there is: who sends one waits for the stream to be writable first. False when the
  // connection has ended.
  bool send_head(const FieldBlock& fields, bool ends_message);
  bool send_interim_head(const FieldBlock& fields);
  // Whether the peer makes tunnels of streams, which may have to be waited for.
  Task<bool> takes_extended_connect(Milliseconds patience);
  // What is written next is the body's end; `trailers`, lines as above, follow.
  void end_after_write(std::string_view trailers);

  // All that the peer will send has been read.
  bool at_end() const { return ended_ && size_ == 0; }
  // The stream has ended before both messages were whole.
  bool is_broken() const { return broken_; }
  // The peer has not looked at what it was sent (RFC 9113 section 8.7).
  bool was_refused() const { return error_ == NGHTTP2_REFUSED_STREAM; }

  IoResult read(char* data, size_t size) override;
  bool may_read() const override { return size_ > 0 || ended_ || broken_ || has_head(); }
  // Of the head, before it has been sent, or of the body.
  bool may_write() override;
  IoResult write(std::span<iovec>& pieces) override;
  void finish() override;
  void close(bool broken) override;

 private:
  friend class Session;
  enum Signal : uint8_t { kReadable = 1, kWritable = 2, kHangUp = 4 };

  // Interim responses may come in any number, and no window holds them back.
  static constexpr size_t kMaxWaitingHeads = 32;

  void append(std::string_view data);
  // How much of what is being written goes into the next DATA frame; as nghttp2's read callback.
  ssize_t supply(size_t most, uint32_t& flags);
  void take(char* out, size_t size);
  // False when so many have not been taken that the peer's message is refused.
  bool begin_head();
  void on_stream_closed(uint32_t error);
  void on_finished();
  bool submit(const FieldBlock& fields, bool ends_message);
  void add_field(std::string_view name, std::string_view value);
  void add_crumb(std::string_view text);
  bool add_trailer(std::string_view name, std::string_view value);

  Session* session_;  // null once the connection has ended
  Stream* stream_ = nullptr;
  int32_t id_ = -1;  // none yet, or none any more
  uint8_t signals_ = 0;
  bool ended_ = false;  // the peer has sent all
  bool broken_ = false;
  bool head_sent_ = false;   // ours, the final one
  bool finished_ = false;    // we have sent all
  bool ending_ = false;      // what is being written is the last
  bool closing_ = false;     // all has been written
  bool blocked_ = false;     // a write waits
  bool final_head_ = false;  // has come: what follows are trailers
  bool trailers_too_large_ = false;
  bool malformed_ = false;
  uint32_t error_ = 0;
  std::span<iovec>* writing_ = nullptr;  // while write() runs
  Block block_;                          // what has come and has not been read
  size_t begin_ = 0;
  size_t size_ = 0;
  std::unique_ptr<Head> head_;
  Head* last_head_ = nullptr;  // that is being received
  std::string trailers_;
  size_t trailer_count_ = 0;
  std::string own_trailers_;
  Arena arena_;
};

}  // namespace portcullis::http::h2
