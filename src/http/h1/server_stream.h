#pragma once

#include "base/block_pool.h"
#include "http/h1/message_framing.h"
#include "http/message_stream.h"

namespace portcullis::http::h1 {

// A request of HTTP/1 and the response to it (RFC 9112). The connection is the stream's alone until its
// exchange is over.
class ServerMessageStream final : public FramedStream<ServerStream> {
 public:
  // `input` is the connection's: what has been received and belongs to no exchange yet.
  ServerMessageStream(Stream& bytes, InputBuffer& input, const Settings& settings)
      : FramedStream(bytes, settings), input_(input) {}

  Task<HeadState> read_head(RequestHead& out, Arena& arena) override;
  size_t head_size() const override { return head_size_; }
  std::string_view received() const override { return input_.content().substr(head_size_); }
  std::string_view behind(const BodyFraming& body) const override;
  void keep(std::string_view rest) override;

  Task<IoResult> send_continue() override;
  Task<IoResult> send_interim(const ResponseToSend& response) override;
  Task<IoResult> send_whole(const ResponseToSend& response, std::string_view body) override;
  void begin(const ResponseToSend& response) override;
  void leave() override { bytes().close(); }

 private:
  InputBuffer& input_;
  size_t head_size_ = 0;
  Block spent_;  // where the head lies, once the connection's input is elsewhere
};

}  // namespace portcullis::http::h1
