#pragma once

#include <string_view>

#include "http/h2/channel.h"
#include "http/message_stream.h"

namespace portcullis::http::h2 {

// What the streams of both sides of HTTP/2 have in common. `Side`: ServerStream or ClientStream.
template <typename Side>
class ChannelStream : public Side {
 public:
  // `channel` is that of `bytes`, which owns it. `settings` are the side's own.
  template <typename Settings>
  ChannelStream(Stream& bytes, Channel& channel, const Settings& settings)
      : Side(bytes, settings), channel_(channel) {}

  bool body_ended() const final { return channel_.at_end(); }
  bool buffers_body() const final { return true; }
  std::string_view trailers() const final { return channel_.trailers(); }
  MessageStream::Breach breach() const final {
    if (channel_.trailers_too_large()) return MessageStream::Breach::kTrailersTooLarge;
    return channel_.was_malformed() ? MessageStream::Breach::kMalformed : MessageStream::Breach::kNone;
  }

  bool takes_trailers() const final { return true; }
  bool sends_bytes_alone() const final { return false; }
  bool writes_end() const final { return true; }
  size_t room() const final { return channel_.room(); }
  void frame(Gather&, size_t, bool last, std::string_view trailers) final {
    if (last) channel_.end_after_write(trailers);
  }

 protected:
  // Sends `body`, which is all of it, behind the head that `sending` sends. Without a body the head ends the
  // message.
  Task<IoResult> send_behind(Task<IoResult> sending, std::string_view body, Milliseconds timeout) {
    const IoResult sent = co_await sending;
    if (!sent.ok() || body.empty()) co_return sent;
    channel_.end_after_write({});
    iovec piece{const_cast<char*>(body.data()), body.size()};
    co_return co_await this->bytes().write(std::span(&piece, 1), timeout);
  }

  Channel& channel_;
};

}  // namespace portcullis::http::h2
