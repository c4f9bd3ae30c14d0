#pragma once

#include <string_view>

#include "http/h2/channel.h"
#include "http/message_stream.h"

namespace portcullis::http::h2 {

// The base class of both message streams of HTTP/2. `Side` is ServerStream or ClientStream.
template <typename Side>
class ChannelStream : public Side {
 public:
  // `channel` is the channel of `bytes`, which owns it. `settings` are passed to the constructor of `Side`.
  template <typename Settings>
  ChannelStream(Stream& bytes, Channel& channel, const Settings& settings)
      : Side(bytes, settings), channel_(channel) {}

  std::string_view trailers() const final { return channel_.trailers(); }
  MessageStream::Breach breach() const final {
    if (channel_.trailers_too_large()) return MessageStream::Breach::kTrailersTooLarge;
    return channel_.was_malformed() ? MessageStream::Breach::kMalformed : MessageStream::Breach::kNone;
  }

  size_t room() const final { return channel_.room(); }

 protected:
  bool body_ended() const final { return channel_.at_end(); }
  bool buffers_body() const final { return true; }
  bool sends_bytes_alone() const final { return false; }
  bool writes_end() const final { return true; }
  void frame(Gather&, size_t, bool last, std::string_view trailers) final {
    if (last) channel_.end_after_write(trailers);
  }

  // Awaits `sending`, which sends the head, and then sends `body`, which is the whole body. Without a body
  // the head must end the message.
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
